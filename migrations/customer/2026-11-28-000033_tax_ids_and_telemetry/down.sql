DROP TABLE visitor_events;
ALTER TABLE visitors DROP COLUMN telemetry;
DROP INDEX customers_identity_unique;
ALTER TABLE customers DROP COLUMN identity_issuer, DROP COLUMN identity_subject;
ALTER TABLE addresses DROP COLUMN validated_at;
DROP INDEX companies_parent_id;
ALTER TABLE companies
    ADD COLUMN vat_id text CHECK (length(vat_id) <= 20),
    ADD COLUMN vat_valid boolean,
    ADD COLUMN vat_checked_at timestamptz,
    ADD COLUMN vat_reference text CHECK (length(vat_reference) <= 100);
-- The first alone: there was one.
UPDATE companies
    SET vat_id = tax_ids -> 0 ->> 'number',
        vat_valid = (tax_ids -> 0 ->> 'valid')::boolean,
        vat_checked_at = (tax_ids -> 0 ->> 'checked_at')::timestamptz,
        vat_reference = tax_ids -> 0 ->> 'reference';
ALTER TABLE companies
    ADD CONSTRAINT companies_vat_checked CHECK (
        (vat_valid IS NULL) = (vat_checked_at IS NULL)
        AND (vat_valid IS NULL OR vat_id IS NOT NULL)
        AND (vat_valid IS NOT NULL OR vat_reference IS NULL)
    ),
    DROP COLUMN tax_ids,
    DROP COLUMN parent_id;
