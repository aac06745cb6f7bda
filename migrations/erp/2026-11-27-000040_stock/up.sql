CREATE TABLE warehouses (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT warehouses_code_unique UNIQUE CHECK (length(code) BETWEEN 1 AND 63),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    -- Orders are served from the lowest first.
    priority integer NOT NULL DEFAULT 100 CHECK (priority BETWEEN 0 AND 10000),
    -- Whether orders are served from here.
    active boolean NOT NULL DEFAULT true,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX warehouses_created_at ON warehouses (created_at, id);

-- Where goods are, or come from and go to: every move is from one place to another, so none comes from nowhere.
CREATE TABLE locations (
    id uuid PRIMARY KEY,
    -- None for the places outside, of which each tenant has one of a kind.
    warehouse_id uuid CONSTRAINT locations_warehouse REFERENCES warehouses (id),
    kind text NOT NULL CHECK (kind IN ('stock', 'quarantine', 'supplier', 'customer', 'transit', 'loss')),
    CHECK ((warehouse_id IS NULL) = (kind IN ('supplier', 'customer', 'transit', 'loss'))),
    CONSTRAINT locations_one_of_a_kind UNIQUE (warehouse_id, kind)
);
CREATE UNIQUE INDEX locations_outside ON locations (kind) WHERE warehouse_id IS NULL;
INSERT INTO locations (id, kind)
    SELECT gen_random_uuid(), kind FROM unnest(ARRAY['supplier', 'customer', 'transit', 'loss']) AS kind;

-- What is there of a SKU at a place inside. The places outside have none: they are endless.
CREATE TABLE stock_levels (
    folded text NOT NULL,
    location_id uuid NOT NULL CONSTRAINT stock_levels_location REFERENCES locations (id),
    sku text NOT NULL CHECK (length(sku) BETWEEN 1 AND 100),
    on_hand bigint NOT NULL DEFAULT 0 CONSTRAINT stock_levels_on_hand CHECK (on_hand >= 0),
    -- Of orders and checkouts that wait.
    reserved bigint NOT NULL DEFAULT 0,
    -- Kept back from sale.
    safety bigint NOT NULL DEFAULT 0 CHECK (safety >= 0),
    -- What may be sold before it is there.
    backorder_limit bigint NOT NULL DEFAULT 0 CHECK (backorder_limit >= 0),
    CONSTRAINT stock_levels_reserved CHECK (reserved BETWEEN 0 AND on_hand + backorder_limit),
    PRIMARY KEY (folded, location_id)
);
CREATE INDEX stock_levels_location_id ON stock_levels (location_id, folded);

-- What was moved from where to where, and by what cause: each line of a cause once. Never changed.
CREATE TABLE stock_moves (
    id uuid PRIMARY KEY,
    folded text NOT NULL,
    sku text NOT NULL,
    from_id uuid NOT NULL CONSTRAINT stock_moves_from REFERENCES locations (id),
    to_id uuid NOT NULL CONSTRAINT stock_moves_to REFERENCES locations (id),
    quantity bigint NOT NULL CHECK (quantity >= 1),
    kind text NOT NULL CHECK (kind IN ('receipt', 'issue', 'return', 'transfer', 'adjust', 'scrap')),
    cause text NOT NULL CHECK (length(cause) BETWEEN 1 AND 100),
    line integer NOT NULL CHECK (line >= 0),
    note text CHECK (length(note) <= 500),
    at timestamptz NOT NULL,
    moved_by uuid NOT NULL,
    CHECK (from_id <> to_id),
    CONSTRAINT stock_moves_once UNIQUE (kind, cause, line)
);
CREATE INDEX stock_moves_at ON stock_moves (at, id);
CREATE INDEX stock_moves_folded ON stock_moves (folded, at, id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON stock_moves
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

-- Who has reserved something, once and for all: what was given back is not reserved again under the same name, also when
-- the release comes before the reservation.
CREATE TABLE reservations (
    owner_id uuid PRIMARY KEY,
    released boolean NOT NULL DEFAULT false,
    -- What was asked for, to tell a repetition from something else.
    asked jsonb,
    created_at timestamptz NOT NULL
);

CREATE TABLE reservation_lines (
    owner_id uuid NOT NULL CONSTRAINT reservation_lines_owner REFERENCES reservations (owner_id),
    folded text NOT NULL,
    location_id uuid NOT NULL,
    sku text NOT NULL,
    -- Still reserved.
    open bigint NOT NULL CHECK (open >= 0),
    consumed bigint NOT NULL DEFAULT 0 CHECK (consumed >= 0),
    state text NOT NULL CHECK (state IN ('held', 'committed', 'consumed', 'released', 'expired')),
    expires_at timestamptz NOT NULL,
    CHECK ((open = 0) = (state IN ('consumed', 'released', 'expired'))),
    CONSTRAINT reservation_lines_level FOREIGN KEY (folded, location_id) REFERENCES stock_levels (folded, location_id),
    PRIMARY KEY (owner_id, folded, location_id)
);
CREATE INDEX reservation_lines_expires_at ON reservation_lines (folded, expires_at) WHERE state = 'held';
CREATE INDEX reservation_lines_level ON reservation_lines (folded, location_id) WHERE open > 0;

-- Reserves all of some SKUs for an owner, or tells which of them are short; then whoever asked undoes the rest. Null says that
-- the owner is known already. One call, so that a hot SKU is locked for no longer than the work takes; and the levels are
-- locked in one order, or two checkouts with the same SKUs would wait for each other. `wanted` are folded SKUs, each once.
CREATE FUNCTION reserve_stock(
    owner uuid, asked_for jsonb, wanted text[], quantities bigint[], until timestamptz, at timestamptz
) RETURNS jsonb LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    short jsonb;
BEGIN
    -- Of two that reserve for one owner at once, the second waits here for the first.
    INSERT INTO reservations (owner_id, asked, created_at) VALUES (owner, asked_for, at) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    PERFORM 1 FROM stock_levels AS level
        WHERE level.folded = ANY (wanted)
        ORDER BY level.folded, level.location_id
        FOR UPDATE OF level;

    -- What was held for too long is free.
    WITH gone AS (
        UPDATE reservation_lines AS line SET state = 'expired', open = 0
        FROM (
            SELECT owner_id, folded, location_id, open FROM reservation_lines
            WHERE folded = ANY (wanted) AND state = 'held' AND expires_at <= at
            FOR UPDATE
        ) AS old
        WHERE line.owner_id = old.owner_id AND line.folded = old.folded AND line.location_id = old.location_id
        RETURNING line.folded, line.location_id, old.open
    ), freed AS (
        SELECT folded, location_id, sum(open)::bigint AS open FROM gone GROUP BY folded, location_id
    )
    UPDATE stock_levels AS level SET reserved = level.reserved - freed.open
    FROM freed WHERE level.folded = freed.folded AND level.location_id = freed.location_id;

    -- From the warehouses in their order, as much as is free in each.
    WITH asked AS (
        SELECT * FROM unnest(wanted, quantities) AS asked (folded, quantity)
    ), free AS (
        SELECT level.folded, level.location_id, level.sku,
            greatest(level.on_hand + level.backorder_limit - level.safety - level.reserved, 0) AS free,
            sum(greatest(level.on_hand + level.backorder_limit - level.safety - level.reserved, 0))
                OVER (PARTITION BY level.folded ORDER BY warehouse.priority, warehouse.id) AS until_here
        FROM stock_levels AS level
        JOIN locations AS place ON place.id = level.location_id AND place.kind = 'stock'
        JOIN warehouses AS warehouse ON warehouse.id = place.warehouse_id AND warehouse.active
        WHERE level.folded = ANY (wanted)
    ), taken AS (
        INSERT INTO reservation_lines (owner_id, folded, location_id, sku, open, state, expires_at)
        SELECT owner, free.folded, free.location_id, free.sku,
            least(free.free, asked.quantity - (free.until_here - free.free)), 'held', until
        FROM free JOIN asked ON asked.folded = free.folded
        WHERE free.free > 0 AND asked.quantity > free.until_here - free.free
        RETURNING folded, location_id, open
    ), noted AS (
        UPDATE stock_levels AS level SET reserved = level.reserved + taken.open
        FROM taken WHERE level.folded = taken.folded AND level.location_id = taken.location_id
    )
    SELECT jsonb_agg(jsonb_build_object('sku', asked.folded, 'available', coalesce(sums.open, 0)) ORDER BY asked.folded)
        INTO short
        FROM asked
        LEFT JOIN (SELECT folded, sum(open) AS open FROM taken GROUP BY folded) AS sums ON sums.folded = asked.folded
        WHERE coalesce(sums.open, 0) < asked.quantity;
    RETURN coalesce(short, '[]');
END
$$;

COMMENT ON TABLE stock_levels IS 'unaudited: sums of moves, which are audited, and of reservations';
COMMENT ON TABLE reservations IS 'unaudited: what waits; what becomes of it is a move';
COMMENT ON TABLE reservation_lines IS 'unaudited: what waits; what becomes of it is a move';
