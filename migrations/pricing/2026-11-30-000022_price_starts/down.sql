DROP TABLE price_starts;
