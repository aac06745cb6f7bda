CREATE TABLE categories (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT categories_code_unique UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9_-]{0,99}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    parent_id uuid CONSTRAINT categories_parent REFERENCES categories (id) CHECK (parent_id <> id),
    position integer NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX categories_parent_id ON categories (parent_id, position, id);
CREATE INDEX categories_created_at ON categories (created_at, id);

CREATE TABLE attribute_definitions (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT attribute_definitions_code_unique UNIQUE CHECK (code ~ '^[a-z][a-z0-9_]{0,62}$'),
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    type text NOT NULL CHECK (type IN ('text', 'number', 'integer', 'boolean', 'date', 'choice')),
    required boolean NOT NULL DEFAULT false,
    facetable boolean NOT NULL DEFAULT false,
    constraints jsonb NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attribute_definitions_created_at ON attribute_definitions (created_at, id);

CREATE TABLE products (
    id uuid PRIMARY KEY,
    key text NOT NULL CONSTRAINT products_key_unique UNIQUE CHECK (length(key) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (kind IN ('physical', 'digital', 'service', 'bundle')),
    status text NOT NULL CHECK (status IN ('draft', 'active', 'suspended', 'archived')),
    name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
    description text NOT NULL DEFAULT '',
    vendor text COLLATE "C" NOT NULL DEFAULT '',
    product_type text COLLATE "C" NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    options text[] NOT NULL DEFAULT '{}',
    category_ids uuid[] NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL DEFAULT '{}',
    -- Columns of an imported file that no domain owns yet, kept so that an export gives them back.
    extra jsonb NOT NULL DEFAULT '{}',
    launched_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- What is found besides the name: written by the service, since the SKUs stand in another table.
    search_text text NOT NULL DEFAULT '',
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.simple', name), 'A') || to_tsvector('pg_catalog.simple', search_text)
    ) STORED
);
CREATE INDEX products_search ON products USING gin (search);
CREATE INDEX products_created_at ON products (created_at, id);
CREATE INDEX products_updated_at ON products (updated_at, id);
CREATE INDEX products_name ON products (name, id);
CREATE INDEX products_status ON products (status, created_at, id);
CREATE INDEX products_vendor ON products (vendor);
CREATE INDEX products_type ON products (product_type);
CREATE INDEX products_tags ON products USING gin (tags);
CREATE INDEX products_category_ids ON products USING gin (category_ids);

CREATE TABLE variants (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL CONSTRAINT variants_product REFERENCES products (id),
    sku text NOT NULL CHECK (length(sku) BETWEEN 1 AND 100),
    barcode text CHECK (length(barcode) BETWEEN 1 AND 64),
    option_values text[] NOT NULL DEFAULT '{}',
    position integer NOT NULL,
    weight_grams bigint CHECK (weight_grams BETWEEN 0 AND 1000000000),
    requires_shipping boolean NOT NULL DEFAULT true,
    taxable boolean NOT NULL DEFAULT true,
    track_inventory boolean NOT NULL DEFAULT false,
    image_url text CHECK (length(image_url) <= 2048),
    extra jsonb NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT variants_options_unique UNIQUE (product_id, option_values)
);
-- People do not tell ab-1 from AB-1, so the platform does not either.
CREATE UNIQUE INDEX variants_sku_unique ON variants (lower(sku));
CREATE INDEX variants_product_id ON variants (product_id, position, id);

CREATE TABLE media (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL CONSTRAINT media_product REFERENCES products (id),
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
    alt text NOT NULL DEFAULT '' CHECK (length(alt) <= 1000),
    position integer NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT media_url_unique UNIQUE (product_id, url)
);
CREATE INDEX media_product_id ON media (product_id, position, id);
