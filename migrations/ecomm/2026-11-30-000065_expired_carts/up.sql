-- A cart that nobody has touched for long is over; its session begins another.
ALTER TABLE carts
    DROP CONSTRAINT carts_state_check,
    ADD CONSTRAINT carts_state_check CHECK (state IN ('active', 'locked', 'ordered', 'merged', 'expired'));
-- By when they have begun, which never changes: not each change of a cart has to find its place anew.
CREATE INDEX carts_idle ON carts (created_at) WHERE state = 'active';
-- Those from long ago are nobody's news.
UPDATE carts SET state = 'expired', version = version + 1 WHERE state = 'active' AND updated_at < now() - interval '60 days';
