DROP TABLE platform_shared.idempotency_keys;
DROP TABLE platform_shared.purge_certificates;
DROP TABLE platform_shared.tenant_users;
DROP TABLE platform_shared.tenants;
DROP FUNCTION platform_shared.announce_tenant();
