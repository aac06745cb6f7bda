-- Leaves an event of a changed row.
CREATE OR REPLACE FUNCTION platform_shared.audit_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before jsonb;
    after jsonb;
    either jsonb;
    scope uuid := '00000000-0000-0000-0000-000000000000';
    changed text[] := '{}';
BEGIN
    IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW); END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT coalesce(array_agg(n.key ORDER BY n.key), '{}') INTO changed
        FROM jsonb_each(after) n WHERE n.value IS DISTINCT FROM before -> n.key;
        IF changed = '{}' THEN
            RETURN NULL;
        END IF;
    END IF;
    either := coalesce(after, before);
    IF TG_TABLE_SCHEMA = 'platform_shared' THEN
        scope := coalesce(either ->> 'tenant_id', CASE TG_TABLE_NAME WHEN 'tenants' THEN either ->> 'id' END, scope::text)::uuid;
    END IF;
    EXECUTE format('INSERT INTO %I.audit_events (scope, at, caller, grant_id, request_id, table_name, action, entity_id, '
        'changed, before_digest, after_digest) VALUES ($1, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10)',
        TG_TABLE_SCHEMA)
    USING scope, nullif(current_setting('averis.caller', true), '')::uuid,
        nullif(current_setting('averis.grant_id', true), '')::uuid, nullif(current_setting('averis.request', true), ''),
        TG_TABLE_NAME, lower(TG_OP), coalesce(either ->> 'id', either ->> 'user_id'), changed,
        sha256(convert_to(before::text, 'UTF8')), sha256(convert_to(after::text, 'UTF8'));
    RETURN NULL;
END $$;

-- Puts the events of a transaction at the end of the chain. Deferred: the head is locked for the length of a COMMIT only.
CREATE OR REPLACE FUNCTION platform_shared.audit_seal() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_open boolean;
    last bigint;
    link bytea;
    next_link bytea;
    event record;
BEGIN
    EXECUTE format('SELECT hash IS NULL FROM %I.audit_events WHERE id = $1', TG_TABLE_SCHEMA) INTO is_open USING NEW.id;
    -- The first event of a transaction has put all others there.
    IF is_open IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    EXECUTE format('INSERT INTO %I.audit_heads VALUES ($1, 0, $2) ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA)
        USING NEW.scope, '\x'::bytea;
    EXECUTE format('SELECT seq, hash FROM %I.audit_heads WHERE scope = $1 FOR UPDATE', TG_TABLE_SCHEMA)
        INTO last, link USING NEW.scope;
    FOR event IN EXECUTE format(
        'SELECT * FROM %I.audit_events WHERE scope = $1 AND hash IS NULL ORDER BY id', TG_TABLE_SCHEMA) USING NEW.scope
    LOOP
        last := last + 1;
        next_link := sha256(link || platform_shared.audit_text(event.scope, last, event.at, event.caller, event.grant_id,
            event.request_id, event.table_name, event.action, event.entity_id, event.changed, event.before_digest,
            event.after_digest));
        EXECUTE format('UPDATE %I.audit_events SET seq = $1, previous = $2, hash = $3 WHERE id = $4', TG_TABLE_SCHEMA)
            USING last, link, next_link, event.id;
        link := next_link;
    END LOOP;
    EXECUTE format('UPDATE %I.audit_heads SET seq = $1, hash = $2 WHERE scope = $3', TG_TABLE_SCHEMA)
        USING last, link, NEW.scope;
    RETURN NULL;
END $$;

-- Numbers the events of a transaction as it commits. The lock that the audit trail's chain is closed under is held until
-- the commit is done, so whoever has read up to a number never finds a smaller one later. (Taken first, as the trail does
-- too, whichever of both a transaction has written first: else two of them could wait for each other.)
CREATE OR REPLACE FUNCTION platform_shared.outbox_number() RETURNS trigger
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
