-- Who merged by hand is not known any more; that it was merged is.
ALTER TABLE merges DROP CONSTRAINT merges_who, DROP COLUMN reason;
UPDATE merges SET visitor_id = merged_by WHERE visitor_id IS NULL;
ALTER TABLE merges DROP COLUMN merged_by, ALTER COLUMN visitor_id SET NOT NULL;
DROP INDEX approvals_buyer_id;
ALTER TABLE approvals DROP COLUMN approver_role, DROP COLUMN rule_ids;
DROP TABLE approval_rules;
DROP TABLE company_locations;
ALTER TABLE companies DROP CONSTRAINT companies_vat_checked, DROP COLUMN vat_reference, DROP COLUMN vat_checked_at,
    DROP COLUMN vat_valid;
