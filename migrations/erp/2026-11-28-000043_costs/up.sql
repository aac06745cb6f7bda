-- What moved was worth, in minor units of the books' currency.
ALTER TABLE stock_moves ADD COLUMN value bigint NOT NULL DEFAULT 0 CHECK (value >= 0);

-- What is there of a SKU in a warehouse and what it has cost: the moving average is one by the other. Where nothing is, it is worth
-- nothing.
CREATE TABLE cost_states (
    folded text NOT NULL,
    warehouse_id uuid NOT NULL CONSTRAINT cost_states_warehouse REFERENCES warehouses (id),
    sku text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 0),
    value bigint NOT NULL CHECK (value >= 0),
    CONSTRAINT cost_states_nothing CHECK (quantity > 0 OR value = 0),
    PRIMARY KEY (folded, warehouse_id)
);
INSERT INTO cost_states (folded, warehouse_id, sku, quantity, value)
    SELECT l.folded, p.warehouse_id, min(l.sku), sum(l.on_hand), 0 FROM stock_levels l JOIN locations p ON p.id = l.location_id
    WHERE p.warehouse_id IS NOT NULL GROUP BY l.folded, p.warehouse_id;

-- How many pieces of what had left have come back: each at what it had left for.
CREATE TABLE issue_returns (
    move_id uuid PRIMARY KEY CONSTRAINT issue_returns_move REFERENCES stock_moves (id),
    returned bigint NOT NULL CHECK (returned >= 1)
);

ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_kind_check,
    ADD CONSTRAINT journal_entries_kind_check
        CHECK (kind IN ('invoice', 'credit_note', 'payment', 'refund', 'manual', 'reversal', 'stock'));

COMMENT ON TABLE cost_states IS 'unaudited: sums of moves, which are audited';
COMMENT ON TABLE issue_returns IS 'unaudited: sums of moves, which are audited';
