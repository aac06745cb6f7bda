-- Numbers of customers, in the order in which they are known.
CREATE TABLE customer_numbers (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last bigint NOT NULL DEFAULT 10000
);
INSERT INTO customer_numbers DEFAULT VALUES;

CREATE TABLE customers (
    id uuid PRIMARY KEY,
    number bigint NOT NULL CONSTRAINT customers_number_unique UNIQUE,
    -- Warm: what somebody says of itself. Hot: the address is proven.
    disclosure text NOT NULL CHECK (disclosure IN ('warm', 'hot')),
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'merged', 'erased')),
    -- In small letters.
    email text CHECK (length(email) <= 254),
    email_verified_at timestamptz CHECK ((email_verified_at IS NOT NULL) = (disclosure = 'hot' AND status <> 'erased')),
    given_name text CHECK (length(given_name) <= 200),
    family_name text CHECK (length(family_name) <= 200),
    phone text CHECK (length(phone) <= 50),
    locale text CHECK (length(locale) <= 10),
    segments text[] NOT NULL DEFAULT '{}',
    merged_into uuid CONSTRAINT customers_merged REFERENCES customers (id) CHECK ((merged_into IS NOT NULL) = (status = 'merged')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- One proven customer has an address, whoever proves it at the same time.
CREATE UNIQUE INDEX customers_email_unique ON customers (email) WHERE disclosure = 'hot' AND status IN ('active', 'suspended');
CREATE INDEX customers_email ON customers (email, id);
CREATE INDEX customers_created_at ON customers (created_at, id);

-- Whoever visits a shop. Cold, as long as there is no customer.
CREATE TABLE visitors (
    -- The shopper's session.
    id uuid PRIMARY KEY,
    customer_id uuid CONSTRAINT visitors_customer REFERENCES customers (id),
    -- Whether this visitor has proven that it is that customer.
    proven boolean NOT NULL DEFAULT false CHECK (customer_id IS NOT NULL OR NOT proven),
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL
);
CREATE INDEX visitors_customer_id ON visitors (customer_id);

CREATE TABLE addresses (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL CONSTRAINT addresses_customer REFERENCES customers (id),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    lines text[] NOT NULL CHECK (cardinality(lines) BETWEEN 1 AND 4),
    city text NOT NULL CHECK (length(city) BETWEEN 1 AND 200),
    region text CHECK (length(region) <= 100),
    postal_code text CHECK (length(postal_code) <= 20),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    is_shipping boolean NOT NULL,
    is_billing boolean NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX addresses_customer_id ON addresses (customer_id, created_at, id);

-- What somebody has agreed to, or has taken back: the last word counts, and none is ever changed.
CREATE TABLE consents (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL CONSTRAINT consents_customer REFERENCES customers (id),
    purpose text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 63),
    granted boolean NOT NULL,
    text_version text NOT NULL CHECK (length(text_version) BETWEEN 1 AND 100),
    at timestamptz NOT NULL
);
CREATE INDEX consents_customer_id ON consents (customer_id, at, id);

CREATE TABLE verifications (
    id uuid PRIMARY KEY,
    visitor_id uuid NOT NULL,
    email text NOT NULL,
    code_digest bytea NOT NULL CHECK (length(code_digest) = 32),
    attempts smallint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verifications_visitor_id ON verifications (visitor_id, created_at);
CREATE INDEX verifications_email ON verifications (email, created_at);

-- Who was found to be whom.
CREATE TABLE merges (
    from_id uuid PRIMARY KEY CONSTRAINT merges_from REFERENCES customers (id),
    into_id uuid NOT NULL CONSTRAINT merges_into REFERENCES customers (id),
    visitor_id uuid NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE erasures (
    customer_id uuid PRIMARY KEY CONSTRAINT erasures_customer REFERENCES customers (id),
    requested_by uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    at timestamptz NOT NULL
);

CREATE TABLE companies (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    registration_number text CHECK (length(registration_number) <= 100),
    vat_id text CHECK (length(vat_id) <= 20),
    status text NOT NULL CHECK (status IN ('pending', 'approved', 'suspended', 'closed')),
    segment text CHECK (length(segment) <= 63),
    payment_days integer NOT NULL DEFAULT 0 CHECK (payment_days BETWEEN 0 AND 365),
    -- What it may owe at once; nothing on account where absent.
    credit_limit bigint CHECK (credit_limit >= 0),
    credit_currency text CHECK ((credit_limit IS NULL) = (credit_currency IS NULL)),
    -- Held and confirmed, and not paid yet.
    credit_used bigint NOT NULL DEFAULT 0 CHECK (credit_used >= 0 AND credit_used <= coalesce(credit_limit, 0)),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX companies_created_at ON companies (created_at, id);

CREATE TABLE company_members (
    company_id uuid NOT NULL CONSTRAINT company_members_company REFERENCES companies (id),
    customer_id uuid NOT NULL CONSTRAINT company_members_customer REFERENCES customers (id),
    roles text[] NOT NULL CHECK (cardinality(roles) >= 1 AND roles <@ ARRAY['buyer', 'approver', 'admin']),
    -- What a buyer orders without anybody's approval, in the currency of the company's credit; anything where absent.
    spend_limit bigint CHECK (spend_limit >= 0),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT company_members_once PRIMARY KEY (company_id, customer_id)
);
CREATE INDEX company_members_customer_id ON company_members (customer_id);

-- What of a company's credit a checkout uses.
CREATE TABLE credit_holds (
    checkout_id uuid PRIMARY KEY,
    company_id uuid NOT NULL CONSTRAINT credit_holds_company REFERENCES companies (id),
    amount bigint NOT NULL CHECK (amount >= 1),
    currency text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'confirmed', 'released')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- An order that somebody else has to approve before it is placed, as it is.
CREATE TABLE approvals (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL CONSTRAINT approvals_company REFERENCES companies (id),
    buyer_id uuid NOT NULL CONSTRAINT approvals_buyer REFERENCES customers (id),
    order_hash text NOT NULL CHECK (order_hash ~ '^[0-9a-f]{64}$'),
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'approved', 'rejected')),
    decided_by uuid CHECK (decided_by <> buyer_id),
    decided_at timestamptz CHECK ((decided_at IS NOT NULL) = (status <> 'pending')),
    comment text CHECK (length(comment) <= 1000),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX approvals_company_id ON approvals (company_id, created_at, id);

COMMENT ON TABLE customer_numbers IS 'unaudited: a counter';
COMMENT ON TABLE visitors IS 'unaudited: who came by; what it says of itself is audited with its customer';
COMMENT ON TABLE verifications IS 'unaudited: questions that wait; what they prove is audited with its customer';
