-- Codes by mail, by the digest of the address: one for each address that asked, whether anybody has it or not, so that the
-- asking tells nobody which.
CREATE TABLE platform_shared.sign_in_codes (
    email_digest bytea PRIMARY KEY CHECK (length(email_digest) = 32),
    -- Argon2id in PHC form: a code is short.
    code_hash text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_codes_expires_at ON platform_shared.sign_in_codes (expires_at);

-- How many mails of one kind went to one address, by the digest of both: a mailbox is not ours to fill.
CREATE TABLE platform_shared.mail_counts (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    -- Since the count began anew.
    count integer NOT NULL,
    since timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX mail_counts_last_at ON platform_shared.mail_counts (last_at);

-- Which organization of a provider is which tenant. Who the provider says belongs to it may enter that tenant alone.
CREATE TABLE platform_shared.provider_organizations (
    tenant_id uuid PRIMARY KEY REFERENCES platform_shared.tenants (id),
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
    organization text NOT NULL CHECK (length(organization) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_organizations_unique UNIQUE (issuer, organization)
);

-- Which person a provider's subject is. Once that is known the address no longer counts: providers give addresses away again.
CREATE TABLE platform_shared.provider_identities (
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 500),
    user_id uuid NOT NULL REFERENCES platform_shared.users (id),
    -- None for an issuer of the whole platform.
    tenant_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject),
    -- A member who is removed and invited again may come as another subject.
    FOREIGN KEY (tenant_id, user_id) REFERENCES platform_shared.tenant_users (tenant_id, user_id) ON DELETE CASCADE,
    CONSTRAINT provider_identities_one_each UNIQUE NULLS NOT DISTINCT (issuer, tenant_id, user_id)
);

ALTER TABLE platform_shared.sessions
    DROP CONSTRAINT sessions_provider_check,
    ADD CONSTRAINT sessions_provider_check CHECK (provider IN ('local', 'code', 'stytch', 'oidc')),
    -- The one tenant that the session is good for; none where it is good for all of the person's.
    ADD COLUMN tenant_id uuid REFERENCES platform_shared.tenants (id);

ALTER TABLE platform_shared.tenant_users
    -- Whether the person itself accepted the invitation, rather than the tenant's provider for it.
    ADD COLUMN accepted boolean NOT NULL DEFAULT true;

-- Who came into a tenant, when, how and from where. Not part of the audit trail, which tells what was changed.
CREATE TABLE platform_shared.access_log (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform_shared.tenants (id),
    at timestamptz NOT NULL DEFAULT now(),
    -- The person or the key.
    caller uuid NOT NULL,
    -- How it showed who it is.
    via text NOT NULL CHECK (via IN ('local', 'code', 'stytch', 'oidc', 'api_key')),
    session_id uuid,
    -- The grant under which staff of the platform came in.
    grant_id uuid,
    -- In the form of RFC 5952; of IPv6 the network.
    address text CHECK (length(address) <= 45),
    user_agent text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 300)
);
CREATE INDEX access_log_tenant ON platform_shared.access_log (tenant_id, id);
CREATE INDEX access_log_session ON platform_shared.access_log (session_id, at);
CREATE INDEX access_log_at ON platform_shared.access_log (at);

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON platform_shared.provider_organizations
    FOR EACH ROW EXECUTE FUNCTION platform_shared.audit_row();

GRANT SELECT, INSERT, UPDATE, DELETE ON platform_shared.sign_in_codes, platform_shared.mail_counts,
    platform_shared.provider_organizations, platform_shared.provider_identities TO averis_tenant;
-- Nobody changes what happened; what is old is forgotten.
GRANT SELECT, INSERT, DELETE ON platform_shared.access_log TO averis_tenant;
