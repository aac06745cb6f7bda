DROP INDEX checkouts_cart_id;
ALTER TABLE carts DROP COLUMN channel;
