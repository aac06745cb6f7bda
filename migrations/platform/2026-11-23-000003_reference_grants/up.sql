-- Shared by every tenant, changed by migrations only.
GRANT SELECT ON platform_shared.regions, platform_shared.currencies, platform_shared.countries
    TO averis_reference, averis_tenant;
