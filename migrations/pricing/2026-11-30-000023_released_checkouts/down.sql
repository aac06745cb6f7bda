DROP TABLE released_checkouts;
