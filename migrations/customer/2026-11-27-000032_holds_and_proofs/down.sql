DROP INDEX merges_into_id;
DROP INDEX approvals_created_at;
DROP INDEX approvals_order_hash;
ALTER TABLE approvals DROP COLUMN expires_at;
DROP INDEX verifications_expires_at;
ALTER TABLE verifications DROP COLUMN sender, DROP COLUMN purpose;
ALTER TABLE customers DROP COLUMN entered_by_staff;
ALTER TABLE company_members DROP CONSTRAINT company_members_limit, DROP COLUMN spend_currency;
DROP TABLE credit_settlements;
DROP INDEX credit_holds_expires_at;
DROP INDEX credit_holds_created_at;
DROP INDEX credit_holds_company_id;
ALTER TABLE credit_holds
    DROP CONSTRAINT credit_holds_settled,
    DROP CONSTRAINT credit_holds_ends,
    DROP CONSTRAINT credit_holds_known,
    DROP CONSTRAINT credit_holds_state;
-- What is paid uses nothing; what was given back without ever having been held is no hold.
UPDATE credit_holds SET state = 'released' WHERE state = 'settled';
DELETE FROM credit_holds WHERE company_id IS NULL;
ALTER TABLE credit_holds
    DROP COLUMN expires_at,
    DROP COLUMN settled,
    ADD CONSTRAINT credit_holds_state_check CHECK (state IN ('held', 'confirmed', 'released')),
    ALTER COLUMN currency SET NOT NULL,
    ALTER COLUMN amount SET NOT NULL,
    ALTER COLUMN company_id SET NOT NULL;
