DROP TABLE platform_shared.access_log, platform_shared.provider_identities, platform_shared.provider_organizations,
    platform_shared.mail_counts, platform_shared.sign_in_codes;
ALTER TABLE platform_shared.tenant_users DROP COLUMN accepted;
-- A version before this one would take a session that is good for one tenant, or without a role on the platform, for any.
DELETE FROM platform_shared.sessions WHERE provider <> 'local';
ALTER TABLE platform_shared.sessions
    DROP COLUMN tenant_id,
    DROP CONSTRAINT sessions_provider_check,
    ADD CONSTRAINT sessions_provider_check CHECK (provider IN ('local', 'stytch', 'oidc'));
