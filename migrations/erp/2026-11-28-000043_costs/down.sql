DROP TABLE issue_returns;
DROP TABLE cost_states;
ALTER TABLE stock_moves DROP COLUMN value;
