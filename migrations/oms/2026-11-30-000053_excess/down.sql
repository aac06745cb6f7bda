ALTER TABLE payment_transactions DROP COLUMN excess;
ALTER TABLE payments DROP COLUMN excess;
