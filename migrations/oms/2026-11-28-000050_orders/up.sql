-- Which account of a payment provider is the tenant's. No secret: those are the installation's.
CREATE TABLE payment_accounts (
    provider text PRIMARY KEY CHECK (provider IN ('stripe', 'simulator')),
    account text NOT NULL CHECK (account ~ '^[A-Za-z0-9_]{1,100}$'),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Of all tenants one has an account.
CREATE TRIGGER owner AFTER INSERT OR UPDATE OF account ON payment_accounts
    FOR EACH ROW EXECUTE FUNCTION platform_shared.own_payment_account();

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY (START WITH 100001) CONSTRAINT orders_number_unique UNIQUE,
    -- One attempt to buy a cart.
    checkout_id uuid NOT NULL CONSTRAINT orders_checkout_once UNIQUE,
    cart_id uuid NOT NULL,
    -- What somebody has decided. How far it is paid and shipped follows from payments and lines.
    status text NOT NULL CHECK (status IN ('draft', 'placed', 'on_hold', 'completed', 'cancelled')),
    customer_id uuid,
    company_id uuid,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    net bigint NOT NULL CHECK (net >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    provider text NOT NULL CHECK (provider IN ('offline', 'stripe', 'simulator')),
    -- What the buyer has of the provider to pay with. Good for nothing but this.
    payment_token text CHECK (length(payment_token) BETWEEN 1 AND 255),
    payment_days integer NOT NULL CHECK (payment_days BETWEEN 0 AND 365),
    -- What the buyer saw and agreed to: quote, addresses, evidence.
    snapshot jsonb NOT NULL,
    hold_reason text CHECK (length(hold_reason) BETWEEN 1 AND 500),
    placed_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (status IN ('draft', 'cancelled') OR placed_at IS NOT NULL),
    CHECK ((status = 'on_hold') = (hold_reason IS NOT NULL))
);
-- Of a cart there is one order, ever; drafts of attempts that failed do not count.
CREATE UNIQUE INDEX orders_cart_once ON orders (cart_id) WHERE status <> 'cancelled' OR placed_at IS NOT NULL;
CREATE INDEX orders_created_at ON orders (created_at, id);
CREATE INDEX orders_customer_id ON orders (customer_id, created_at, id);

-- What was agreed to does not change: cancellations, returns and refunds are documents of their own.
CREATE FUNCTION keep_agreed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF (NEW.checkout_id, NEW.cart_id, NEW.currency, NEW.net, NEW.tax, NEW.snapshot)
        IS DISTINCT FROM (OLD.checkout_id, OLD.cart_id, OLD.currency, OLD.net, OLD.tax, OLD.snapshot) THEN
        RAISE EXCEPTION 'what was agreed to does not change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER agreed BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep_agreed();

CREATE TABLE order_lines (
    order_id uuid NOT NULL CONSTRAINT order_lines_order REFERENCES orders (id),
    line integer NOT NULL CHECK (line >= 0),
    -- Goods, or what it costs to send them.
    kind text NOT NULL CHECK (kind IN ('goods', 'shipping')),
    sku text CHECK ((sku IS NOT NULL) = (kind = 'goods') AND length(sku) BETWEEN 1 AND 100),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
    ordered bigint NOT NULL CHECK (ordered >= 1),
    cancelled bigint NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    shipped bigint NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    delivered bigint NOT NULL DEFAULT 0 CHECK (delivered BETWEEN 0 AND shipped),
    returned bigint NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND shipped),
    -- Pieces that were shipped, and whose price went back.
    refunded bigint NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND shipped),
    -- Of all its pieces.
    net bigint NOT NULL CHECK (net >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    -- What of it went with the cancelled pieces.
    cancelled_net bigint NOT NULL DEFAULT 0 CHECK (cancelled_net BETWEEN 0 AND net),
    cancelled_tax bigint NOT NULL DEFAULT 0 CHECK (cancelled_tax BETWEEN 0 AND tax),
    -- In millionths.
    tax_rate bigint NOT NULL CHECK (tax_rate BETWEEN 0 AND 1000000),
    CONSTRAINT order_lines_pieces CHECK (cancelled + shipped <= ordered),
    PRIMARY KEY (order_id, line)
);

-- How an order is paid: the sums of what became of its transactions, and of those under way.
CREATE TABLE payments (
    order_id uuid PRIMARY KEY CONSTRAINT payments_order REFERENCES orders (id),
    provider text NOT NULL,
    currency text NOT NULL,
    -- The tenant's account there, as it was when the order was drafted.
    account text,
    -- The provider's name for it.
    reference text,
    authorised bigint NOT NULL DEFAULT 0 CHECK (authorised >= 0),
    captured bigint NOT NULL DEFAULT 0 CHECK (captured >= 0),
    capturing bigint NOT NULL DEFAULT 0 CHECK (capturing >= 0),
    voided bigint NOT NULL DEFAULT 0 CHECK (voided >= 0),
    refunded bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    refunding bigint NOT NULL DEFAULT 0 CHECK (refunding >= 0),
    charged_back bigint NOT NULL DEFAULT 0 CHECK (charged_back >= 0),
    CONSTRAINT payments_reference_unique UNIQUE (provider, reference),
    -- What is paid by transfer nobody has authorised.
    CONSTRAINT payments_captured CHECK (provider = 'offline' OR captured + capturing + voided <= authorised),
    CONSTRAINT payments_refunded CHECK (refunded + refunding <= captured)
);

-- What is asked of a provider, and what it said. Written before it is asked.
CREATE TABLE payment_transactions (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT payment_transactions_payment REFERENCES payments (order_id),
    kind text NOT NULL CHECK (kind IN ('authorise', 'capture', 'void', 'refund', 'chargeback')),
    -- What it is for, such as a shipment: asked for once.
    cause text NOT NULL CHECK (length(cause) BETWEEN 1 AND 200),
    amount bigint NOT NULL CHECK (amount >= 1),
    state text NOT NULL CHECK (state IN ('initial', 'pending', 'success', 'failure')),
    -- The provider's, or the bank's.
    reference text CHECK (length(reference) BETWEEN 1 AND 255),
    failure text CHECK (length(failure) BETWEEN 1 AND 100),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((failure IS NOT NULL) = (state = 'failure')),
    CONSTRAINT payment_transactions_once UNIQUE (order_id, kind, cause)
);
CREATE INDEX payment_transactions_open ON payment_transactions (next_at) WHERE state IN ('initial', 'pending');
CREATE INDEX payment_transactions_reference ON payment_transactions (reference);

-- What providers have told, each once. What is about nothing known yet waits.
CREATE TABLE provider_events (
    provider text NOT NULL,
    event_id text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    processed_at timestamptz,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX provider_events_waiting ON provider_events (received_at) WHERE processed_at IS NULL;

CREATE TABLE fulfilment_orders (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT fulfilment_orders_order REFERENCES orders (id),
    -- The place of the ERP service where the goods are; none for what is in no stock.
    location_id uuid,
    status text NOT NULL CHECK (status IN ('open', 'in_progress', 'on_hold', 'closed', 'cancelled')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX fulfilment_orders_order_id ON fulfilment_orders (order_id);
CREATE INDEX fulfilment_orders_created_at ON fulfilment_orders (created_at, id);

CREATE TABLE fulfilment_lines (
    fulfilment_id uuid NOT NULL CONSTRAINT fulfilment_lines_fulfilment REFERENCES fulfilment_orders (id),
    line integer NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 1),
    cancelled bigint NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    shipped bigint NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    CONSTRAINT fulfilment_lines_pieces CHECK (cancelled + shipped <= quantity),
    PRIMARY KEY (fulfilment_id, line)
);

CREATE TABLE shipments (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT shipments_order REFERENCES orders (id),
    fulfilment_id uuid NOT NULL CONSTRAINT shipments_fulfilment REFERENCES fulfilment_orders (id),
    -- The packing slip: each leaves once.
    slip text NOT NULL CONSTRAINT shipments_slip_unique UNIQUE CHECK (length(slip) BETWEEN 1 AND 100),
    carrier text CHECK (length(carrier) BETWEEN 1 AND 100),
    tracking text CHECK (length(tracking) BETWEEN 1 AND 200),
    shipped_at timestamptz NOT NULL,
    delivered_at timestamptz
);
CREATE INDEX shipments_order_id ON shipments (order_id, shipped_at, id);

CREATE TABLE shipment_lines (
    shipment_id uuid NOT NULL CONSTRAINT shipment_lines_shipment REFERENCES shipments (id),
    line integer NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 1),
    -- Of these pieces.
    net bigint NOT NULL CHECK (net >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    PRIMARY KEY (shipment_id, line)
);

-- What happened to an order, in its order. Never changed.
CREATE TABLE order_events (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT order_events_order REFERENCES orders (id),
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    actor uuid,
    data jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX order_events_order_id ON order_events (order_id, at, id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

COMMENT ON TABLE provider_events IS 'unaudited: what others have said; what becomes of it is audited with its payment';
COMMENT ON TABLE order_events IS 'unaudited: a trail of its own, which never changes';
