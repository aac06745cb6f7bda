CREATE TABLE platform_shared.tenants (
    id uuid PRIMARY KEY,
    key text NOT NULL CONSTRAINT tenants_key_unique UNIQUE CHECK (key ~ '^[a-z][a-z0-9]{1,29}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    subdomain text NOT NULL CHECK (subdomain ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(subdomain) BETWEEN 2 AND 63),
    subscription_tier text NOT NULL CHECK (subscription_tier IN ('starter', 'professional', 'enterprise')),
    status text NOT NULL CHECK (status IN ('provisioning', 'active', 'suspended', 'closing', 'purged')),
    settings jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    purged_at timestamptz,
    CHECK ((status = 'purged') = (purged_at IS NOT NULL))
);
-- The key of a purged tenant is never used again; its subdomain is free.
CREATE UNIQUE INDEX tenants_subdomain_unique ON platform_shared.tenants (subdomain) WHERE status <> 'purged';
CREATE INDEX tenants_created_at ON platform_shared.tenants (created_at, id);

-- Who belongs to which tenant. A person may belong to many.
CREATE TABLE platform_shared.tenant_users (
    tenant_id uuid NOT NULL REFERENCES platform_shared.tenants (id),
    user_id uuid NOT NULL,
    roles text[] NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('invited', 'active', 'suspended')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX tenant_users_user ON platform_shared.tenant_users (user_id);

-- What a purged tenant held: the proof for the one who asked for it.
CREATE TABLE platform_shared.purge_certificates (
    tenant_id uuid PRIMARY KEY REFERENCES platform_shared.tenants (id),
    tenant_key text NOT NULL,
    row_counts jsonb NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    purged_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE platform_shared.idempotency_keys (
    key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    status smallint NOT NULL CHECK (status BETWEEN 200 AND 499),
    headers jsonb NOT NULL DEFAULT '{}',
    body bytea NOT NULL CHECK (length(body) <= 65536),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON platform_shared.idempotency_keys (created_at);

-- Every change reaches the caches of all services, whoever makes it and by whatever means.
CREATE FUNCTION platform_shared.announce_tenant() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('averis_tenants', NEW.key);
    RETURN NEW;
END $$;
CREATE TRIGGER announce_tenant AFTER INSERT OR UPDATE ON platform_shared.tenants
    FOR EACH ROW EXECUTE FUNCTION platform_shared.announce_tenant();

GRANT SELECT, INSERT, UPDATE ON platform_shared.tenants, platform_shared.tenant_users TO averis_tenant;
GRANT SELECT, INSERT, DELETE ON platform_shared.idempotency_keys TO averis_tenant;
GRANT SELECT ON platform_shared.purge_certificates TO averis_tenant;
