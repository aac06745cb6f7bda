-- Whether its shopper would rather have what there is than nothing: then what is not there is left out of the cart.
ALTER TABLE checkouts ADD COLUMN short_ship boolean NOT NULL DEFAULT false;
