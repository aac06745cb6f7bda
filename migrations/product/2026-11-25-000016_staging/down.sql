DROP TABLE staging_head;
DROP TABLE staged_variants;
DROP TABLE staged_products;
