-- People. One row each, however many tenants they belong to.
CREATE TABLE platform_shared.users (
    id uuid PRIMARY KEY,
    -- In lower case, so that no two rows are one mailbox.
    email text NOT NULL CONSTRAINT users_email_unique UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    -- Argon2id in PHC form; none for those who sign in elsewhere, or were only invited so far.
    password_hash text,
    global_roles text[] NOT NULL DEFAULT '{}',
    default_tenant uuid REFERENCES platform_shared.tenants (id),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE platform_shared.tenant_users ADD CONSTRAINT tenant_users_user FOREIGN KEY (user_id) REFERENCES platform_shared.users (id);

-- Wrong passwords in a row, by the digest of the address: counted alike whether anybody has it or not, so that the
-- counting tells nobody which.
CREATE TABLE platform_shared.sign_in_failures (
    email_digest bytea PRIMARY KEY CHECK (length(email_digest) = 32),
    failures integer NOT NULL,
    locked_until timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failures_updated_at ON platform_shared.sign_in_failures (updated_at);

-- Sign-ins. All refresh tokens of one are its family, and end with it.
CREATE TABLE platform_shared.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES platform_shared.users (id),
    provider text NOT NULL CHECK (provider IN ('local', 'stytch', 'oidc')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX sessions_user ON platform_shared.sessions (user_id);

-- A token is used once. One that comes again was stolen, or its answer was: either ends the family.
CREATE TABLE platform_shared.refresh_tokens (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    session_id uuid NOT NULL REFERENCES platform_shared.sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz
);
CREATE INDEX refresh_tokens_session ON platform_shared.refresh_tokens (session_id);

-- A word by mail, with which an invitation is accepted.
CREATE TABLE platform_shared.invitations (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    digest bytea NOT NULL CONSTRAINT invitations_digest_unique UNIQUE CHECK (length(digest) = 32),
    invited_by uuid,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES platform_shared.tenant_users (tenant_id, user_id) ON DELETE CASCADE
);

-- Machines' credentials. The key itself is shown once and never stored.
CREATE TABLE platform_shared.api_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform_shared.tenants (id),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    prefix text NOT NULL,
    digest bytea NOT NULL CONSTRAINT api_keys_digest_unique UNIQUE CHECK (length(digest) = 32),
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_by uuid NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_tenant ON platform_shared.api_keys (tenant_id, created_at, id);

-- Why and until when somebody of the platform's staff may look into a tenant.
CREATE TABLE platform_shared.support_grants (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform_shared.tenants (id),
    user_id uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX support_grants_tenant ON platform_shared.support_grants (tenant_id, created_at, id);

-- What no longer counts, though tokens that say otherwise are still about. Services hear of each row at once.
CREATE TABLE platform_shared.revocations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid,
    subject uuid NOT NULL,
    at_ms bigint NOT NULL DEFAULT floor(extract(epoch FROM clock_timestamp()) * 1000)
);
CREATE INDEX revocations_at ON platform_shared.revocations (at_ms);

CREATE FUNCTION platform_shared.announce_revocation() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('averis_access', concat(NEW.tenant_id::text, ',', NEW.subject::text, ',', NEW.at_ms::text));
    RETURN NEW;
END $$;
CREATE TRIGGER announce_revocation AFTER INSERT ON platform_shared.revocations
    FOR EACH ROW EXECUTE FUNCTION platform_shared.announce_revocation();

-- A subdomain that a tenant gave up: links to it are about, so nobody else gets it for a while.
CREATE TABLE platform_shared.released_subdomains (
    subdomain text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform_shared.tenants (id),
    released_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE ON platform_shared.users, platform_shared.sessions, platform_shared.refresh_tokens,
    platform_shared.api_keys, platform_shared.support_grants TO averis_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_shared.invitations, platform_shared.sign_in_failures,
    platform_shared.released_subdomains TO averis_tenant;
GRANT DELETE ON platform_shared.tenant_users, platform_shared.sessions TO averis_tenant;
GRANT SELECT, INSERT, DELETE ON platform_shared.revocations TO averis_tenant;
