-- What is computed from rows that are audited, and changes in their transactions, has no events of its own: as with levels of stock.
-- How an order is paid are sums of its transactions, of which each is audited, and of the lines' cancelled pieces.
DROP TRIGGER IF EXISTS audit ON payments;

COMMENT ON TABLE payments IS 'unaudited: sums of transactions and of cancelled pieces, which are audited';
