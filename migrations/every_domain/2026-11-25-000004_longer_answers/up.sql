-- A quote of some hundred lines is longer than 64 KiB, and what is not stored happens again.
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_body_check,
    ADD CONSTRAINT idempotency_keys_body_check CHECK (length(body) <= 1048576);
-- To compress 300 KB takes 7 ms, and they are kept for a day.
ALTER TABLE idempotency_keys ALTER COLUMN body SET STORAGE EXTERNAL;
