REVOKE SELECT ON platform_shared.regions, platform_shared.currencies, platform_shared.countries
    FROM averis_reference, averis_tenant;
