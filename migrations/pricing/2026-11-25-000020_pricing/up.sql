-- Names that prices, catalogs and promotions refer to.
CREATE TABLE market_codes (
    kind text NOT NULL CHECK (kind IN ('channel', 'segment', 'locale')),
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 63),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT market_codes_unique PRIMARY KEY (kind, code)
);

CREATE TABLE catalogs (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT catalogs_code_unique UNIQUE CHECK (length(code) BETWEEN 1 AND 63),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    region text CHECK (region IN ('AMER', 'EMEA', 'APAC', 'LATAM')),
    channel text,
    segment text,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_included boolean NOT NULL,
    locale text NOT NULL,
    effective_from timestamptz,
    effective_until timestamptz CHECK (effective_until > effective_from),
    status text NOT NULL CHECK (status IN ('draft', 'active', 'inactive', 'archived')),
    is_default boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX catalogs_default_unique ON catalogs (is_default) WHERE is_default AND status = 'active';
CREATE INDEX catalogs_created_at ON catalogs (created_at, id);

CREATE TABLE catalog_entries (
    catalog_id uuid NOT NULL CONSTRAINT catalog_entries_catalog REFERENCES catalogs (id),
    product_id uuid NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    position integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (catalog_id, product_id)
);
CREATE INDEX catalog_entries_product_id ON catalog_entries (product_id);

-- Who gets which catalog: the first that fits, by priority and then by id.
CREATE TABLE catalog_rules (
    id uuid PRIMARY KEY,
    catalog_id uuid NOT NULL CONSTRAINT catalog_rules_catalog REFERENCES catalogs (id),
    priority integer NOT NULL,
    locale text,
    countries text[] NOT NULL DEFAULT '{}',
    except_countries text[] NOT NULL DEFAULT '{}',
    segments text[] NOT NULL DEFAULT '{}',
    buyers text[] NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX catalog_rules_created_at ON catalog_rules (created_at, id);

-- What the product service has launched, by its events.
CREATE TABLE known_skus (
    folded text PRIMARY KEY,
    sku text NOT NULL,
    product_id uuid NOT NULL,
    as_of bigint NOT NULL,
    active boolean NOT NULL,
    kind text NOT NULL,
    taxable boolean NOT NULL,
    tax_category text
);
CREATE INDEX known_skus_product_id ON known_skus (product_id);

CREATE TABLE prices (
    id uuid PRIMARY KEY,
    sku text NOT NULL CHECK (length(sku) BETWEEN 1 AND 100),
    -- In small letters, as the service folds them: the database's rule is another for some letters.
    folded text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    per_quantity bigint NOT NULL DEFAULT 1 CHECK (per_quantity BETWEEN 1 AND 1000000),
    compare_at bigint CHECK (compare_at > amount),
    company_id uuid,
    segment text,
    channel text,
    country text CHECK (country ~ '^[A-Z]{2}$'),
    catalog_id uuid CONSTRAINT prices_catalog REFERENCES catalogs (id),
    min_quantity bigint NOT NULL DEFAULT 1 CHECK (min_quantity BETWEEN 1 AND 1000000000),
    valid_from timestamptz,
    valid_until timestamptz CHECK (valid_until >= valid_from),
    -- Whether it was meant for a time. That it was approved or ended at one does not make it so.
    for_a_time boolean NOT NULL,
    kind text NOT NULL CHECK (kind IN ('list', 'sale', 'contract')),
    status text NOT NULL CHECK (status IN ('draft', 'approved')),
    -- The approved price that this one ends when it is approved itself.
    replaces uuid CONSTRAINT prices_replaced REFERENCES prices (id),
    created_by uuid NOT NULL,
    -- Whoever has written any of it.
    authors uuid[] NOT NULL CHECK (cardinality(authors) >= 1),
    approved_by uuid CHECK ((approved_by IS NOT NULL) = (status = 'approved')),
    approved_at timestamptz CHECK ((approved_at IS NOT NULL) = (status = 'approved')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- All but the time in which two prices would have to differ: as a number, which an index over times can hold too.
    identity bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
        folded || chr(31) || currency || chr(31) || coalesce(company_id::text, '') || chr(31) || coalesce(segment, '')
        || chr(31) || coalesce(channel, '') || chr(31) || coalesce(country, '') || chr(31) || coalesce(catalog_id::text, '')
        || chr(31) || min_quantity::text || chr(31) || kind, 0)) STORED,
    CONSTRAINT prices_overlap EXCLUDE USING gist (
        int8range(identity, identity, '[]') WITH &&, tstzrange(valid_from, valid_until, '[)') WITH &&
    ) WHERE (status = 'approved')
);
CREATE INDEX prices_folded ON prices (folded, status);
CREATE INDEX prices_created_at ON prices (created_at, id);

CREATE TABLE promotions (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- In small letters: nobody tells SUMMER from Summer.
    code text CONSTRAINT promotions_code_unique UNIQUE CHECK (code = lower(code) AND length(code) BETWEEN 1 AND 63),
    action jsonb NOT NULL,
    target jsonb NOT NULL,
    conditions jsonb NOT NULL DEFAULT '{}',
    stacking_group text,
    exclusive boolean NOT NULL DEFAULT false,
    priority integer NOT NULL DEFAULT 0,
    valid_from timestamptz,
    valid_until timestamptz CHECK (valid_until > valid_from),
    usage_limit bigint CHECK (usage_limit >= 1),
    per_customer_limit bigint CHECK (per_customer_limit >= 1),
    budget bigint CHECK (budget >= 1),
    budget_currency text CHECK ((budget IS NULL) = (budget_currency IS NULL)),
    -- Held and confirmed uses, and what they take off.
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0 AND used <= coalesce(usage_limit, used)),
    spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0 AND spent <= coalesce(budget, spent)),
    status text NOT NULL CHECK (status IN ('draft', 'active', 'inactive')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX promotions_created_at ON promotions (created_at, id);

CREATE TABLE promotion_customers (
    promotion_id uuid NOT NULL REFERENCES promotions (id),
    customer_id uuid NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (promotion_id, customer_id)
);

CREATE TABLE tax_rates (
    id uuid PRIMARY KEY,
    category text NOT NULL CHECK (length(category) BETWEEN 1 AND 63),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    -- A regular expression for a part of the country.
    postcodes text CHECK (length(postcodes) BETWEEN 1 AND 500),
    name text NOT NULL DEFAULT '',
    -- In millionths: 19 % is 190000.
    rate integer NOT NULL CHECK (rate BETWEEN 0 AND 10000000),
    valid_from timestamptz,
    valid_until timestamptz CHECK (valid_until > valid_from),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    identity bigint NOT NULL GENERATED ALWAYS AS (
        hashtextextended(category || chr(31) || country || chr(31) || coalesce(postcodes, ''), 0)) STORED,
    CONSTRAINT tax_rates_overlap EXCLUDE USING gist (
        int8range(identity, identity, '[]') WITH &&, tstzrange(valid_from, valid_until, '[)') WITH &&
    )
);
CREATE INDEX tax_rates_country ON tax_rates (country, category);
CREATE INDEX tax_rates_created_at ON tax_rates (created_at, id);

CREATE TABLE fx_rates (
    id uuid PRIMARY KEY,
    base text NOT NULL CHECK (base ~ '^[A-Z]{3}$'),
    quote text NOT NULL CHECK (quote ~ '^[A-Z]{3}$' AND quote <> base),
    -- In ten-thousand-millionths: 1.25 is 12500000000.
    rate bigint NOT NULL CHECK (rate >= 1),
    as_of timestamptz NOT NULL,
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fx_rates_unique UNIQUE (base, quote, as_of)
);

-- What was quoted, with all that an order needs. Written once; renewing moves its end.
CREATE TABLE price_quotes (
    id uuid PRIMARY KEY,
    request text NOT NULL,
    document text NOT NULL,
    hash text NOT NULL CHECK (length(hash) = 64),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Both are JSON that is read whole. Of some hundred lines, to check and compress it takes thrice as long as all else of a quote.
ALTER TABLE price_quotes ALTER COLUMN request SET STORAGE EXTERNAL, ALTER COLUMN document SET STORAGE EXTERNAL;
CREATE INDEX price_quotes_expires_at ON price_quotes (expires_at);

CREATE TABLE redemptions (
    id uuid PRIMARY KEY,
    promotion_id uuid NOT NULL REFERENCES promotions (id),
    checkout_id uuid NOT NULL,
    quote_id uuid NOT NULL,
    customer_id uuid,
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'confirmed', 'released')),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT redemptions_once UNIQUE (checkout_id, promotion_id)
);
CREATE INDEX redemptions_held ON redemptions (promotion_id, expires_at) WHERE state = 'held';

COMMENT ON TABLE known_skus IS 'unaudited: a copy of what is audited elsewhere';
COMMENT ON TABLE price_quotes IS 'unaudited: computed from what is audited';
COMMENT ON TABLE promotion_customers IS 'unaudited: a count of redemptions';
