ALTER TABLE platform_shared.idempotency_keys ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN body SET COMPRESSION default;
