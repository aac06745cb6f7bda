-- Through which channel a cart is filled: with its country it decides on catalog, language and prices.
ALTER TABLE carts ADD COLUMN channel text CHECK (length(channel) BETWEEN 1 AND 63);
-- Attempts are looked for by their cart, those that are over too.
CREATE INDEX checkouts_cart_id ON checkouts (cart_id);
