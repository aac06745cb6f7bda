-- Whose an account of a payment provider is: the installation's key opens all of them, so that no tenant may name another's. Nobody
-- reads or writes it but the trigger below.
CREATE TABLE platform_shared.payment_account_owners (
    provider text NOT NULL,
    account text NOT NULL,
    schema_name text NOT NULL,
    PRIMARY KEY (provider, account)
);
COMMENT ON TABLE platform_shared.payment_account_owners IS 'unaudited: what each tenant''s payment_accounts say, which is audited';

-- Notes whose the account of a new row is; refuses one that is another tenant's. What a tenant had that is purged is free.
CREATE FUNCTION platform_shared.own_payment_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner text;
BEGIN
    INSERT INTO platform_shared.payment_account_owners VALUES (NEW.provider, NEW.account, TG_TABLE_SCHEMA)
        ON CONFLICT DO NOTHING;
    SELECT schema_name INTO owner FROM platform_shared.payment_account_owners
        WHERE provider = NEW.provider AND account = NEW.account FOR UPDATE;
    IF owner = TG_TABLE_SCHEMA THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = owner) THEN
        RAISE EXCEPTION 'the account is another tenant''s'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'payment_accounts_owner';
    END IF;
    UPDATE platform_shared.payment_account_owners SET schema_name = TG_TABLE_SCHEMA
        WHERE provider = NEW.provider AND account = NEW.account;
    RETURN NULL;
END $$;

-- It runs as the owner of all schemas: as a trigger alone.
REVOKE EXECUTE ON FUNCTION platform_shared.own_payment_account() FROM PUBLIC;
