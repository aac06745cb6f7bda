-- What of a refund was paid above what the order comes to: for pieces that were cancelled after they were paid, or by mistake. It is no gift.
ALTER TABLE payments ADD COLUMN excess bigint NOT NULL DEFAULT 0 CHECK (excess >= 0);
ALTER TABLE payment_transactions ADD COLUMN excess bigint NOT NULL DEFAULT 0 CHECK (excess BETWEEN 0 AND amount);
