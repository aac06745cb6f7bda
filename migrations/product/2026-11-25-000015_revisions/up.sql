-- What was launched, for good.
CREATE TABLE product_revisions (
    product_id uuid NOT NULL CONSTRAINT product_revisions_product REFERENCES products (id),
    rev bigint NOT NULL CHECK (rev >= 1),
    -- SHA-256 over the document.
    hash bytea NOT NULL CHECK (length(hash) = 32),
    document jsonb NOT NULL,
    launched_by uuid NOT NULL,
    launched_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, rev)
);

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON product_revisions FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();
