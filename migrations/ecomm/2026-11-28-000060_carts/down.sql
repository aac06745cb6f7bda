DROP TABLE checkouts, cart_lines, carts, shipping_methods;
