ALTER TABLE payments DROP COLUMN for_returns;
ALTER TABLE order_lines DROP COLUMN returned_net, DROP COLUMN returned_tax;
DROP TABLE return_lines;
DROP TABLE returns;
