-- What the trail and the outbox do for each changed row, with as little work as it takes: their statements are planned once in a session
-- and not anew each time. For that they are no texts put together of the schema's name: the search path of their function is the table's
-- schema while they run. A trigger's function is kept for each table by itself, so its plans are always for one schema; and nobody
-- but the owner of the schemas creates anything there.

-- Leaves an event of a changed row.
CREATE OR REPLACE FUNCTION platform_shared.audit_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before jsonb;
    after jsonb;
    either jsonb;
    own_scope uuid := '00000000-0000-0000-0000-000000000000';
    names text[] := '{}';
BEGIN
    IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW); END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT coalesce(array_agg(n.key ORDER BY n.key), '{}') INTO names
        FROM jsonb_each(after) n WHERE n.value IS DISTINCT FROM before -> n.key;
        IF names = '{}' THEN
            RETURN NULL;
        END IF;
    END IF;
    either := coalesce(after, before);
    IF TG_TABLE_SCHEMA = 'platform_shared' THEN
        own_scope := coalesce(either ->> 'tenant_id', CASE TG_TABLE_NAME WHEN 'tenants' THEN either ->> 'id' END,
            own_scope::text)::uuid;
    END IF;
    PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', TG_TABLE_SCHEMA), true);
    INSERT INTO audit_events (scope, at, caller, grant_id, request_id, table_name, action, entity_id, changed,
        before_digest, after_digest)
    VALUES (own_scope, clock_timestamp(), nullif(current_setting('averis.caller', true), '')::uuid,
        nullif(current_setting('averis.grant_id', true), '')::uuid, nullif(current_setting('averis.request', true), ''),
        TG_TABLE_NAME, lower(TG_OP), coalesce(either ->> 'id', either ->> 'user_id'), names,
        sha256(convert_to(before::text, 'UTF8')), sha256(convert_to(after::text, 'UTF8')));
    RETURN NULL;
END $$;

-- Puts the events of a transaction at the end of the chain, all with one statement. Deferred: the head is locked for the length of a
-- COMMIT only. The trigger fires for each event; the first notes how far it has come, and the others find that out without a query.
-- (No tenant's role can set what is noted; if it could, its events would be in no chain, which the check of the trail finds.)
CREATE OR REPLACE FUNCTION platform_shared.audit_seal() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chain CONSTANT text := format('%s %s ', TG_TABLE_SCHEMA, NEW.scope);
    sealed CONSTANT text := current_setting('averis.sealed', true);
    last bigint;
    link bytea;
    event record;
    ids bigint[] := '{}';
    seqs bigint[] := '{}';
    links bytea[] := '{}';
    hashes bytea[] := '{}';
BEGIN
    IF starts_with(sealed, chain) AND NEW.id <= substr(sealed, length(chain) + 1)::bigint THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', TG_TABLE_SCHEMA), true);
    SELECT head.seq, head.hash INTO last, link FROM audit_heads head WHERE head.scope = NEW.scope FOR UPDATE;
    IF last IS NULL THEN
        INSERT INTO audit_heads VALUES (NEW.scope, 0, '\x') ON CONFLICT DO NOTHING;
        SELECT head.seq, head.hash INTO last, link FROM audit_heads head WHERE head.scope = NEW.scope FOR UPDATE;
    END IF;
    FOR event IN SELECT * FROM audit_events own WHERE own.scope = NEW.scope AND own.hash IS NULL ORDER BY own.id LOOP
        last := last + 1;
        ids := ids || event.id;
        seqs := seqs || last;
        links := links || link;
        -- As platform_shared.audit_text has it, which the check of the trail reads it by.
        link := sha256(link || convert_to(jsonb_build_array(event.scope, last, (extract(epoch FROM event.at) * 1000000)::bigint,
            event.caller, event.grant_id, event.request_id, event.table_name, event.action, event.entity_id, event.changed,
            encode(event.before_digest, 'hex'), encode(event.after_digest, 'hex'))::text, 'UTF8'));
        hashes := hashes || link;
    END LOOP;
    -- Where events of two chains come in turns, all of this one are there already.
    IF ids = '{}' THEN
        RETURN NULL;
    END IF;
    UPDATE audit_events AS own SET seq = put.seq, previous = put.previous, hash = put.hash
        FROM unnest(ids, seqs, links, hashes) AS put (id, seq, previous, hash) WHERE own.id = put.id;
    UPDATE audit_heads head SET seq = last, hash = link WHERE head.scope = NEW.scope;
    -- For the rest of the transaction.
    EXECUTE format('SET LOCAL averis.sealed = %L', chain || ids[array_upper(ids, 1)]);
    RETURN NULL;
END $$;

-- Numbers the events of a transaction as it commits, under the lock of the trail's chain (000008 says why).
CREATE OR REPLACE FUNCTION platform_shared.outbox_number() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', TG_TABLE_SCHEMA), true);
    PERFORM 1 FROM audit_heads head WHERE head.scope = nobody FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads VALUES (nobody, 0, '\x') ON CONFLICT DO NOTHING;
        PERFORM 1 FROM audit_heads head WHERE head.scope = nobody FOR UPDATE;
    END IF;
    UPDATE outbox_events own SET seq = nextval('outbox_numbers') WHERE own.id = NEW.id;
    RETURN NULL;
END $$;
