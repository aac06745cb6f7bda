DROP INDEX customers_merged_into;
