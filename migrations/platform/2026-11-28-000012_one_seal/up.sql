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
    EXECUTE format('SELECT seq, hash FROM %I.audit_heads WHERE scope = $1 FOR UPDATE', TG_TABLE_SCHEMA)
        INTO last, link USING NEW.scope;
    IF last IS NULL THEN
        EXECUTE format('INSERT INTO %I.audit_heads VALUES ($1, 0, $2) ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA)
            USING NEW.scope, '\x'::bytea;
        EXECUTE format('SELECT seq, hash FROM %I.audit_heads WHERE scope = $1 FOR UPDATE', TG_TABLE_SCHEMA)
            INTO last, link USING NEW.scope;
    END IF;
    FOR event IN EXECUTE format(
        'SELECT * FROM %I.audit_events WHERE scope = $1 AND hash IS NULL ORDER BY id', TG_TABLE_SCHEMA) USING NEW.scope
    LOOP
        last := last + 1;
        ids := ids || event.id;
        seqs := seqs || last;
        links := links || link;
        link := sha256(link || platform_shared.audit_text(event.scope, last, event.at, event.caller, event.grant_id,
            event.request_id, event.table_name, event.action, event.entity_id, event.changed, event.before_digest,
            event.after_digest));
        hashes := hashes || link;
    END LOOP;
    -- Where events of two chains come in turns, all of this one are there already.
    IF ids = '{}' THEN
        RETURN NULL;
    END IF;
    EXECUTE format('UPDATE %I.audit_events AS event SET seq = own.seq, previous = own.previous, hash = own.hash '
        'FROM unnest($1, $2, $3, $4) AS own (id, seq, previous, hash) WHERE event.id = own.id', TG_TABLE_SCHEMA)
        USING ids, seqs, links, hashes;
    EXECUTE format('UPDATE %I.audit_heads SET seq = $1, hash = $2 WHERE scope = $3', TG_TABLE_SCHEMA)
        USING last, link, NEW.scope;
    EXECUTE format('SET LOCAL averis.sealed = %L', chain || ids[array_upper(ids, 1)]);
    RETURN NULL;
END $$;

-- Numbers the events of a transaction as it commits, under the lock of the trail's chain (000008 says why).
CREATE OR REPLACE FUNCTION platform_shared.outbox_number() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    last bigint;
BEGIN
    EXECUTE format('SELECT seq FROM %I.audit_heads WHERE scope = $1 FOR UPDATE', TG_TABLE_SCHEMA) INTO last USING nobody;
    IF last IS NULL THEN
        EXECUTE format('INSERT INTO %I.audit_heads VALUES ($1, 0, $2) ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA)
            USING nobody, '\x'::bytea;
        EXECUTE format('SELECT FROM %I.audit_heads WHERE scope = $1 FOR UPDATE', TG_TABLE_SCHEMA) USING nobody;
    END IF;
    EXECUTE format('UPDATE %I.outbox_events SET seq = nextval(%L) WHERE id = $1', TG_TABLE_SCHEMA,
        format('%I.outbox_numbers', TG_TABLE_SCHEMA)) USING NEW.id;
    RETURN NULL;
END $$;
