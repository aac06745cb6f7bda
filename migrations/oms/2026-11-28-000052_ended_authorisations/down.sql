ALTER TABLE payments DROP COLUMN look_at;
