-- What happened here that others want to know: written in the transaction of the change, delivered after it.
CREATE TABLE outbox_events (
    -- What a subscriber knows the event again by.
    id uuid PRIMARY KEY,
    -- Place in the order of commits; given at COMMIT (platform_shared.outbox_number).
    seq bigint CONSTRAINT outbox_events_seq_unique UNIQUE,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'),
    subject uuid NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_events_at ON outbox_events (at);
CREATE SEQUENCE outbox_numbers AS bigint;

CREATE CONSTRAINT TRIGGER number AFTER INSERT ON outbox_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION platform_shared.outbox_number();

-- How far each subscriber has got, and which process delivers to it.
CREATE TABLE outbox_cursors (
    subscriber text PRIMARY KEY,
    seq bigint NOT NULL DEFAULT 0,
    holder uuid,
    held_until timestamptz
);

-- Events of others that have had their effect here.
CREATE TABLE inbox_events (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_events_at ON inbox_events (at);

COMMENT ON TABLE outbox_events IS 'unaudited: news of what is audited';
COMMENT ON TABLE outbox_cursors IS 'unaudited: the state of deliveries';
COMMENT ON TABLE inbox_events IS 'unaudited: the state of deliveries';
