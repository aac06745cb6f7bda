-- Approved prices that have not begun yet: that each begins is told once, when its time has come.
CREATE TABLE price_starts (
    price_id uuid PRIMARY KEY CONSTRAINT price_starts_price REFERENCES prices (id),
    starts_at timestamptz NOT NULL
);
CREATE INDEX price_starts_at ON price_starts (starts_at, price_id);
INSERT INTO price_starts SELECT id, valid_from FROM prices WHERE status = 'approved' AND valid_from > now();

COMMENT ON TABLE price_starts IS 'unaudited: what waits for its time; its approval is audited with the price';
