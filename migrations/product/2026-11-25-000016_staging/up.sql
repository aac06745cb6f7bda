-- What shops read: the launched revision of each product, without its finance section, in the form in which it is asked for.
-- Filled by the service's own events; a product that is suspended or archived stays as a mark that it is gone.
CREATE TABLE staged_products (
    id uuid PRIMARY KEY,
    key text NOT NULL,
    rev bigint NOT NULL CHECK (rev >= 1),
    -- Of the whole revision.
    hash bytea NOT NULL CHECK (length(hash) = 32),
    -- The version of the product that this is from: what is older does not replace it.
    as_of bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'archived')),
    -- Place in the feed of changes, which lists each product once, at its last change.
    seq bigint NOT NULL CONSTRAINT staged_products_seq_unique UNIQUE,
    kind text NOT NULL,
    name text COLLATE "C" NOT NULL,
    vendor text COLLATE "C" NOT NULL,
    product_type text COLLATE "C" NOT NULL,
    tags text[] NOT NULL,
    category_ids uuid[] NOT NULL,
    attributes jsonb NOT NULL,
    -- Whatever else it says.
    rest jsonb NOT NULL,
    launched_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    search_text text NOT NULL,
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.simple', name), 'A') || to_tsvector('pg_catalog.simple', search_text)
    ) STORED
);
-- Not unique: a key that its product has given up may be launched for another before the first is launched again.
CREATE INDEX staged_products_key ON staged_products (key, launched_at) WHERE status = 'active';
CREATE INDEX staged_products_name ON staged_products (name, id) WHERE status = 'active';
CREATE INDEX staged_products_search ON staged_products USING gin (search);
CREATE INDEX staged_products_category_ids ON staged_products USING gin (category_ids);

CREATE TABLE staged_variants (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL CONSTRAINT staged_variants_product REFERENCES staged_products (id),
    sku text NOT NULL,
    position integer NOT NULL,
    document jsonb NOT NULL
);
CREATE UNIQUE INDEX staged_variants_sku_unique ON staged_variants (lower(sku));
CREATE INDEX staged_variants_product_id ON staged_variants (product_id, position, id);

-- The last place in the feed. Whoever changes the copy holds it, so that places are taken in the order of commits.
CREATE TABLE staging_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq bigint NOT NULL DEFAULT 0
);
INSERT INTO staging_head DEFAULT VALUES;

COMMENT ON TABLE staged_products IS 'unaudited: a copy of what is audited';
COMMENT ON TABLE staged_variants IS 'unaudited: a copy of what is audited';
COMMENT ON TABLE staging_head IS 'unaudited: a counter';

-- What was launched before there was a copy.
INSERT INTO outbox_events (id, kind, subject, data)
SELECT gen_random_uuid(), 'product.launched', p.id, jsonb_build_object(
    'product_id', p.id, 'version', p.version, 'status', p.status, 'rev', p.launched_rev)
FROM products p WHERE p.launched_rev IS NOT NULL ORDER BY p.launched_at;
