DROP TABLE product_revisions;
