-- What of a shipment comes back: announced, counted, and paid back.
CREATE TABLE returns (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT returns_order REFERENCES orders (id),
    shipment_id uuid NOT NULL CONSTRAINT returns_shipment REFERENCES shipments (id),
    status text NOT NULL CHECK (status IN ('requested', 'approved', 'declined', 'cancelled', 'received', 'closed')),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    -- Why it was declined or given up.
    comment text CHECK (length(comment) BETWEEN 1 AND 500),
    -- What the pieces that were accepted cost, with tax, and what of it went back: nothing of what was not paid.
    credited bigint CHECK (credited >= 0),
    refunded bigint CHECK (refunded BETWEEN 0 AND credited),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((credited IS NULL) = (refunded IS NULL)),
    CHECK (credited IS NULL OR status = 'closed')
);
CREATE INDEX returns_created_at ON returns (created_at, id);
CREATE INDEX returns_order_id ON returns (order_id, created_at, id);
CREATE INDEX returns_shipment_id ON returns (shipment_id);

CREATE TABLE return_lines (
    return_id uuid NOT NULL CONSTRAINT return_lines_return REFERENCES returns (id),
    line integer NOT NULL,
    requested bigint NOT NULL CHECK (requested >= 1),
    -- Counted when it came.
    received bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND requested),
    -- What is paid back of it.
    accepted bigint NOT NULL DEFAULT 0 CHECK (accepted BETWEEN 0 AND received),
    -- Whether it can be sold again.
    restock boolean NOT NULL DEFAULT true,
    PRIMARY KEY (return_id, line)
);

-- What of a line was credited, and what of the refunds was for that: the rest is goodwill.
ALTER TABLE order_lines
    ADD COLUMN returned_net bigint NOT NULL DEFAULT 0 CHECK (returned_net BETWEEN 0 AND net),
    ADD COLUMN returned_tax bigint NOT NULL DEFAULT 0 CHECK (returned_tax BETWEEN 0 AND tax);
ALTER TABLE payments
    ADD COLUMN for_returns bigint NOT NULL DEFAULT 0 CHECK (for_returns BETWEEN 0 AND refunded + refunding);
