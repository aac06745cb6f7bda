ALTER TABLE checkouts DROP COLUMN short_ship;
