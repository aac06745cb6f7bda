DROP TABLE media;
DROP TABLE variants;
DROP TABLE products;
DROP TABLE attribute_definitions;
DROP TABLE categories;
