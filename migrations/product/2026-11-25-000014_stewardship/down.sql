ALTER TABLE imports DROP COLUMN created_by;
ALTER TABLE products DROP COLUMN launched_rev, DROP COLUMN working_rev, DROP COLUMN sections;
ALTER TABLE attribute_definitions DROP COLUMN scopable, DROP COLUMN localizable, DROP COLUMN section;
