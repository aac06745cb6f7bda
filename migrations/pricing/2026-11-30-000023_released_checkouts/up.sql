-- Checkouts that have given back what they held, for good, also when the release overtakes the hold.
CREATE TABLE released_checkouts (
    checkout_id uuid PRIMARY KEY,
    at timestamptz NOT NULL
);
CREATE INDEX released_checkouts_at ON released_checkouts (at);

COMMENT ON TABLE released_checkouts IS 'unaudited: the end of what waits';
