ALTER TABLE carts ADD COLUMN locked_until timestamptz;
UPDATE carts SET locked_until = updated_at WHERE state = 'locked';
ALTER TABLE carts ADD CONSTRAINT carts_check CHECK ((locked_until IS NOT NULL) = (state = 'locked'));
