ALTER TABLE companies
    -- To which it belongs. Nobody's prices, credit or members are inherited.
    ADD COLUMN parent_id uuid CONSTRAINT companies_parent REFERENCES companies (id) CHECK (parent_id <> id),
    -- One for each country in which it is registered, each with what the authorities have said of it.
    ADD COLUMN tax_ids jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tax_ids) = 'array');
UPDATE companies
    SET tax_ids = jsonb_build_array(jsonb_build_object(
        'number', vat_id, 'valid', vat_valid, 'checked_at', vat_checked_at, 'reference', vat_reference))
    WHERE vat_id IS NOT NULL;
ALTER TABLE companies
    DROP CONSTRAINT companies_vat_checked,
    DROP COLUMN vat_id,
    DROP COLUMN vat_valid,
    DROP COLUMN vat_checked_at,
    DROP COLUMN vat_reference;
CREATE INDEX companies_parent_id ON companies (parent_id);

-- When somebody found that the post delivers there; nothing of it changed since.
ALTER TABLE addresses ADD COLUMN validated_at timestamptz;

-- Who the customer is to the identity provider of the shops. It stays the same person when the address of mail changes.
ALTER TABLE customers
    ADD COLUMN identity_issuer text CHECK (length(identity_issuer) <= 500),
    ADD COLUMN identity_subject text CHECK (length(identity_subject) <= 255),
    ADD CONSTRAINT customers_identity CHECK ((identity_issuer IS NULL) = (identity_subject IS NULL));
CREATE UNIQUE INDEX customers_identity_unique ON customers (identity_issuer, identity_subject);

-- What a visitor looks at, where it allows that to be kept. Nobody's as long as nothing is proven.
ALTER TABLE visitors ADD COLUMN telemetry boolean NOT NULL DEFAULT false;
CREATE TABLE visitor_events (
    id uuid PRIMARY KEY,
    visitor_id uuid NOT NULL CONSTRAINT visitor_events_visitor REFERENCES visitors (id) ON DELETE CASCADE,
    -- Who the visitor had proven to be, or proved to be later.
    customer_id uuid CONSTRAINT visitor_events_customer REFERENCES customers (id),
    kind text NOT NULL CHECK (kind IN ('page_viewed', 'product_viewed', 'searched', 'cart_changed', 'checkout_begun')),
    -- Which page, SKU or words.
    subject text CHECK (length(subject) BETWEEN 1 AND 200),
    at timestamptz NOT NULL
);
CREATE INDEX visitor_events_visitor_id ON visitor_events (visitor_id, at, id);
CREATE INDEX visitor_events_customer_id ON visitor_events (customer_id, at, id);
COMMENT ON TABLE visitor_events IS 'unaudited: what visitors look at; what they change is audited where it lies';
