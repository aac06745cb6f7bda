DROP FUNCTION reserve_stock(uuid, jsonb, text[], bigint[], timestamptz, timestamptz);
DROP TABLE reservation_lines;
DROP TABLE reservations;
DROP TABLE stock_moves;
DROP TABLE stock_levels;
DROP TABLE locations;
DROP TABLE warehouses;
