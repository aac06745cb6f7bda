-- Where the tenant's own systems want to be told.
CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY,
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description text NOT NULL CHECK (length(description) <= 200),
    -- None: all.
    event_types text[] NOT NULL,
    status text NOT NULL CHECK (status IN ('enabled', 'disabled')),
    disabled_reason text CHECK (disabled_reason IN ('by_hand', 'gone', 'failing')),
    CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
    secret bytea NOT NULL CHECK (length(secret) BETWEEN 24 AND 64),
    -- Signs too until then.
    previous_secret bytea CHECK (length(previous_secret) BETWEEN 24 AND 64),
    previous_until timestamptz,
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX webhook_endpoints_created_at ON webhook_endpoints (created_at, id);

-- How well an endpoint hears. That is no change that anybody makes.
CREATE TABLE webhook_health (
    endpoint_id uuid PRIMARY KEY CONSTRAINT webhook_health_endpoint REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    -- Since when nothing has come through, as far as anything was tried every day.
    failing_since timestamptz NOT NULL,
    failed_at timestamptz NOT NULL,
    failures integer NOT NULL CHECK (failures >= 1),
    -- Until when it is left alone.
    not_before timestamptz NOT NULL
);

-- What is told: the same bytes to everybody and each time.
CREATE TABLE webhook_messages (
    id uuid PRIMARY KEY,
    event_type text NOT NULL,
    body text NOT NULL CHECK (octet_length(body) < 20480),
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX webhook_messages_at ON webhook_messages (at, id);

-- Who is told what, and how far that is.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    endpoint_id uuid NOT NULL CONSTRAINT webhook_deliveries_endpoint REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    message_id uuid NOT NULL CONSTRAINT webhook_deliveries_message REFERENCES webhook_messages (id) ON DELETE CASCADE,
    event_type text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    -- Since it was last begun with.
    tries integer NOT NULL CHECK (tries >= 0),
    -- When to try next; while it is tried, when to believe that whoever tries has died.
    next_at timestamptz,
    CHECK ((status = 'pending') = (next_at IS NOT NULL)),
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT webhook_deliveries_once UNIQUE (endpoint_id, message_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_message_id ON webhook_deliveries (message_id);
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at, id);

-- Each time that somebody was called, and what became of it.
CREATE TABLE webhook_attempts (
    id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL CONSTRAINT webhook_attempts_delivery REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    milliseconds bigint NOT NULL,
    status_code integer,
    failure text,
    answer text NOT NULL CHECK (octet_length(answer) <= 16384)
);
CREATE INDEX webhook_attempts_delivery_id ON webhook_attempts (delivery_id, at);

COMMENT ON TABLE webhook_health IS 'unaudited: a job''s report';
COMMENT ON TABLE webhook_messages IS 'unaudited: copies of events';
COMMENT ON TABLE webhook_deliveries IS 'unaudited: a job';
COMMENT ON TABLE webhook_attempts IS 'unaudited: a job''s report';
