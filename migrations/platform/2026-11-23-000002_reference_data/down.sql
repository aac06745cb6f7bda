DROP TABLE platform_shared.countries;
DROP TABLE platform_shared.currencies;
DROP TABLE platform_shared.regions;
