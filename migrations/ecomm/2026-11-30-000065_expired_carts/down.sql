DROP INDEX carts_idle;
-- They are carts of nobody's session again.
UPDATE carts SET state = 'active', session_id = gen_random_uuid() WHERE state = 'expired';
ALTER TABLE carts
    DROP CONSTRAINT carts_state_check,
    ADD CONSTRAINT carts_state_check CHECK (state IN ('active', 'locked', 'ordered', 'merged'));
