-- What is computed from rows that are audited, and changes in their transactions, has no events of its own: as with levels of stock.
-- How an order is paid are the sums of its transactions; what of a warehouse's work is done, those of shipments and cancellations.
DROP TRIGGER IF EXISTS audit ON payments;
DROP TRIGGER IF EXISTS audit ON fulfilment_lines;

COMMENT ON TABLE payments IS 'unaudited: sums of transactions, which are audited';
COMMENT ON TABLE fulfilment_lines IS 'unaudited: the lines of the order by place, and sums of shipments; all are audited';
