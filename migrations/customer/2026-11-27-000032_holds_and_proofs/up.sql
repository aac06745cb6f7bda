-- A hold ends by itself, is paid in parts, and once given back stays so: also one that was given back before it came.
ALTER TABLE credit_holds
    ALTER COLUMN company_id DROP NOT NULL,
    ALTER COLUMN amount DROP NOT NULL,
    ALTER COLUMN currency DROP NOT NULL,
    ADD COLUMN settled bigint NOT NULL DEFAULT 0,
    ADD COLUMN expires_at timestamptz,
    DROP CONSTRAINT credit_holds_state_check;
UPDATE credit_holds SET expires_at = now() + interval '30 minutes' WHERE state = 'held';
ALTER TABLE credit_holds
    ADD CONSTRAINT credit_holds_state CHECK (state IN ('held', 'confirmed', 'settled', 'released')),
    ADD CONSTRAINT credit_holds_known CHECK (state = 'released' OR num_nulls(company_id, amount, currency) = 0),
    ADD CONSTRAINT credit_holds_ends CHECK (state <> 'held' OR expires_at IS NOT NULL),
    ADD CONSTRAINT credit_holds_settled CHECK (
        settled BETWEEN 0 AND coalesce(amount, 0)
        AND (settled = 0 OR state IN ('confirmed', 'settled'))
        AND (state <> 'settled' OR settled = amount)
    );
CREATE INDEX credit_holds_company_id ON credit_holds (company_id, created_at, checkout_id);
CREATE INDEX credit_holds_created_at ON credit_holds (created_at, checkout_id);
CREATE INDEX credit_holds_expires_at ON credit_holds (company_id, expires_at) WHERE state = 'held';

-- What was paid of an order on account. The reference is the payment's or the credit note's: each counts once.
CREATE TABLE credit_settlements (
    checkout_id uuid NOT NULL CONSTRAINT credit_settlements_hold REFERENCES credit_holds (checkout_id),
    reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 100),
    amount bigint NOT NULL CHECK (amount >= 1),
    at timestamptz NOT NULL,
    PRIMARY KEY (checkout_id, reference)
);

-- A limit is money: what it means does not change with the currency of the company's credit. Of a company without credit
-- no currency is known, and nothing is within the limit.
ALTER TABLE company_members ADD COLUMN spend_currency text;
UPDATE company_members AS member
    SET spend_currency = coalesce(company.credit_currency, 'EUR'),
        spend_limit = CASE WHEN company.credit_currency IS NULL THEN 0 ELSE member.spend_limit END
    FROM companies AS company
    WHERE company.id = member.company_id AND member.spend_limit IS NOT NULL;
ALTER TABLE company_members
    ADD CONSTRAINT company_members_limit CHECK ((spend_limit IS NULL) = (spend_currency IS NULL));

-- Who enters an address for somebody else vouches that it is that one's: whoever proves it is meant.
ALTER TABLE customers ADD COLUMN entered_by_staff boolean NOT NULL DEFAULT false;

ALTER TABLE verifications
    ADD COLUMN purpose text NOT NULL DEFAULT 'sign_in' CHECK (purpose IN ('sign_in', 'change_email')),
    -- The address from which it was asked for, as a digest; none where it is not known.
    ADD COLUMN sender bytea CHECK (length(sender) = 32);
CREATE INDEX verifications_sender ON verifications (sender, created_at);
CREATE INDEX verifications_expires_at ON verifications (expires_at);

ALTER TABLE approvals ADD COLUMN expires_at timestamptz NOT NULL DEFAULT now() + interval '14 days';
CREATE INDEX approvals_order_hash ON approvals (order_hash);
CREATE INDEX approvals_created_at ON approvals (created_at, id);
CREATE INDEX merges_into_id ON merges (into_id);
