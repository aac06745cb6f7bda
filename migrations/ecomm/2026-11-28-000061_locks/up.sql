-- What ends a cart's lock is the lease of its checkout: nobody reads a second time for it.
ALTER TABLE carts DROP COLUMN locked_until;
