-- Numbers the events of a transaction as it commits. The lock that the audit trail's chain is closed under is held until
-- the commit is done, so whoever has read up to a number never finds a smaller one later. (Taken first, as the trail does
-- too, whichever of both a transaction has written first: else two of them could wait for each other.)
CREATE FUNCTION platform_shared.outbox_number() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    EXECUTE format('INSERT INTO %I.audit_heads VALUES ($1, 0, $2) ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA)
        USING nobody, '\x'::bytea;
    EXECUTE format('SELECT FROM %I.audit_heads WHERE scope = $1 FOR UPDATE', TG_TABLE_SCHEMA) USING nobody;
    EXECUTE format('UPDATE %I.outbox_events SET seq = nextval(%L) WHERE id = $1', TG_TABLE_SCHEMA,
        format('%I.outbox_numbers', TG_TABLE_SCHEMA)) USING NEW.id;
    RETURN NULL;
END $$;

-- It runs as the owner of all schemas: as a trigger alone.
REVOKE EXECUTE ON FUNCTION platform_shared.outbox_number() FROM PUBLIC;
