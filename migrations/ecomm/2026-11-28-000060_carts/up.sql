-- How goods are sent, and what it costs.
CREATE TABLE shipping_methods (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT shipping_methods_code_unique UNIQUE CHECK (length(code) BETWEEN 1 AND 63),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- Where to; everywhere where empty.
    countries text[] NOT NULL DEFAULT '{}',
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    active boolean NOT NULL DEFAULT true,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX shipping_methods_created_at ON shipping_methods (created_at, id);

CREATE TABLE carts (
    id uuid PRIMARY KEY,
    -- The shopper's session: nobody else's.
    session_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'locked', 'ordered')),
    -- Where the goods go; it decides on catalog and currency.
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    company_id uuid,
    coupon_codes text[] NOT NULL DEFAULT '{}' CHECK (cardinality(coupon_codes) <= 20),
    email text CHECK (length(email) <= 254),
    ship_to jsonb,
    bill_to jsonb,
    shipping_method text CHECK (length(shipping_method) BETWEEN 1 AND 63),
    -- Until when its checkout alone changes it.
    locked_until timestamptz CHECK ((locked_until IS NOT NULL) = (state = 'locked')),
    order_id uuid CHECK ((order_id IS NOT NULL) = (state = 'ordered')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX carts_one_of_a_session ON carts (session_id) WHERE state IN ('active', 'locked');
CREATE INDEX carts_created_at ON carts (created_at, id);

CREATE TABLE cart_lines (
    cart_id uuid NOT NULL CONSTRAINT cart_lines_cart REFERENCES carts (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    folded text NOT NULL,
    sku text NOT NULL CHECK (length(sku) BETWEEN 1 AND 100),
    quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cart_id, id),
    CONSTRAINT cart_lines_once UNIQUE (cart_id, folded)
);

-- One attempt to buy a cart: what each step has found stands here before the next begins.
CREATE TABLE checkouts (
    id uuid PRIMARY KEY,
    cart_id uuid NOT NULL CONSTRAINT checkouts_cart REFERENCES carts (id),
    session_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'paying', 'finalising', 'compensating', 'placed', 'failed')),
    -- The last step that is done.
    step text NOT NULL CHECK (step IN ('started', 'quoted', 'reserved', 'redeemed', 'credited', 'drafted', 'placed')),
    expected_total bigint NOT NULL CHECK (expected_total >= 0),
    currency text NOT NULL,
    provider text NOT NULL,
    payment_token text,
    -- The cart as it was locked.
    cart jsonb NOT NULL,
    buyer jsonb,
    quote jsonb,
    reservation jsonb,
    order_id uuid,
    order_number text,
    -- Why not: a problem, as its buyer was told.
    problem jsonb,
    problem_status smallint CHECK ((problem IS NULL) = (problem_status IS NULL)),
    attempts integer NOT NULL DEFAULT 0,
    -- When whoever finds it may go on with it.
    next_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (status <> 'failed' OR problem IS NOT NULL),
    CHECK (status <> 'placed' OR order_id IS NOT NULL)
);
CREATE UNIQUE INDEX checkouts_one_open ON checkouts (cart_id) WHERE status NOT IN ('placed', 'failed');
CREATE INDEX checkouts_created_at ON checkouts (created_at, id);
CREATE INDEX checkouts_open ON checkouts (next_at) WHERE status NOT IN ('placed', 'failed');

COMMENT ON TABLE carts IS 'unaudited: what shoppers put together; what they order is audited with their orders';
COMMENT ON TABLE cart_lines IS 'unaudited: what shoppers put together; what they order is audited with their orders';
COMMENT ON TABLE checkouts IS 'unaudited: attempts, each with its outcome; what comes of them is audited with their orders';
