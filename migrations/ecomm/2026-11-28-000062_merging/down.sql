-- What was bought of them once failed; they are carts of nobody's session again.
ALTER TABLE carts DROP CONSTRAINT carts_merged;
UPDATE carts SET state = 'active', session_id = gen_random_uuid(), merged_into = NULL WHERE state = 'merged';
ALTER TABLE carts
    DROP CONSTRAINT carts_state_check,
    ADD CONSTRAINT carts_state_check CHECK (state IN ('active', 'locked', 'ordered')),
    DROP COLUMN customer_id,
    DROP COLUMN merged_into;
