DELETE FROM idempotency_keys WHERE length(body) > 65536;
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_body_check,
    ADD CONSTRAINT idempotency_keys_body_check CHECK (length(body) <= 65536);
ALTER TABLE idempotency_keys ALTER COLUMN body SET STORAGE EXTENDED;
