DELETE FROM platform_shared.idempotency_keys WHERE length(body) > 65536;
ALTER TABLE platform_shared.idempotency_keys DROP CONSTRAINT idempotency_keys_body_check,
    ADD CONSTRAINT idempotency_keys_body_check CHECK (length(body) <= 65536);
ALTER TABLE platform_shared.idempotency_keys ALTER COLUMN body SET STORAGE EXTENDED;
