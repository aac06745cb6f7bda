-- What other services have told that could not have its effect here: for people to look at. It keeps nothing else from its own.
CREATE TABLE refused_events (
    event_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    subject uuid NOT NULL,
    data jsonb NOT NULL,
    -- The problem with which it was refused.
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 100),
    at timestamptz NOT NULL
);
CREATE INDEX refused_events_at ON refused_events (at, event_id);
COMMENT ON TABLE refused_events IS 'unaudited: news of what is audited elsewhere';
