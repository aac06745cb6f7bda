-- How many products are not archived, for the tenant's limit: one row, so that two who make the last one possible at once
-- wait for each other.
CREATE TABLE product_counts (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    live bigint NOT NULL CHECK (live >= 0)
);
INSERT INTO product_counts (live) SELECT count(*) FROM products WHERE status <> 'archived';
COMMENT ON TABLE product_counts IS 'unaudited: a count of what is audited';
