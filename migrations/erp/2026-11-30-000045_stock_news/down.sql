DROP TRIGGER tell ON stock_levels;
DROP FUNCTION tell_stock();
ALTER TABLE stock_levels DROP COLUMN reorder_point;
