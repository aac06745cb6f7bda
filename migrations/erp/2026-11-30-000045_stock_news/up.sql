-- At how many pieces that may be sold it is time to order more.
ALTER TABLE stock_levels ADD COLUMN reorder_point bigint NOT NULL DEFAULT 0 CHECK (reorder_point >= 0);

-- Tells when what may be sold of a SKU at a place runs low or out, or is there again: whatever has changed its level, at the end of the
-- same transaction. Whoever changes one has it locked, so that each crossing is told once; what is free for a moment within a
-- transaction, as what a reservation takes over from one whose time was over, is not back.
CREATE FUNCTION tell_stock() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    was CONSTANT bigint := OLD.on_hand + OLD.backorder_limit - OLD.safety - OLD.reserved;
    available bigint := NEW.on_hand + NEW.backorder_limit - NEW.safety - NEW.reserved;
    at_the_end bigint;
BEGIN
    SELECT level.on_hand + level.backorder_limit - level.safety - level.reserved INTO at_the_end FROM stock_levels AS level
        WHERE level.folded = NEW.folded AND level.location_id = NEW.location_id;
    -- It was only passing there.
    IF (at_the_end > 0) <> (available > 0) OR (was > 0) = (available > 0) AND at_the_end > NEW.reorder_point THEN
        RETURN NULL;
    END IF;
    available := at_the_end;
    -- Of what lies aside nothing is sold.
    PERFORM 1 FROM locations AS place JOIN warehouses AS warehouse ON warehouse.id = place.warehouse_id
        WHERE place.id = NEW.location_id AND place.kind = 'stock' AND warehouse.active;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO outbox_events (id, kind, subject, data) VALUES (
        gen_random_uuid(),
        CASE WHEN available <= 0 THEN 'inventory.out' WHEN was <= 0 THEN 'inventory.back' ELSE 'inventory.low' END,
        NEW.location_id,
        jsonb_build_object('sku', NEW.sku, 'location_id', NEW.location_id, 'available', greatest(available, 0),
            'reorder_point', NEW.reorder_point)
    );
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER tell AFTER UPDATE ON stock_levels DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
    (OLD.on_hand + OLD.backorder_limit - OLD.safety - OLD.reserved > 0)
        IS DISTINCT FROM (NEW.on_hand + NEW.backorder_limit - NEW.safety - NEW.reserved > 0)
    OR (OLD.on_hand + OLD.backorder_limit - OLD.safety - OLD.reserved > OLD.reorder_point
        AND NEW.on_hand + NEW.backorder_limit - NEW.safety - NEW.reserved <= NEW.reorder_point
        AND NEW.on_hand + NEW.backorder_limit - NEW.safety - NEW.reserved > 0)
) EXECUTE FUNCTION tell_stock();
