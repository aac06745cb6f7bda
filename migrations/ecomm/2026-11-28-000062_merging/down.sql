DELETE FROM carts WHERE state = 'merged';
ALTER TABLE carts
    DROP CONSTRAINT carts_merged,
    DROP CONSTRAINT carts_state_check,
    ADD CONSTRAINT carts_state_check CHECK (state IN ('active', 'locked', 'ordered')),
    DROP COLUMN customer_id,
    DROP COLUMN merged_into;
