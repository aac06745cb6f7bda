-- What somebody who asked the tax authorities was told of the company's VAT id. Another id needs another answer.
ALTER TABLE companies
    ADD COLUMN vat_valid boolean,
    ADD COLUMN vat_checked_at timestamptz,
    ADD COLUMN vat_reference text CHECK (length(vat_reference) <= 100),
    ADD CONSTRAINT companies_vat_checked CHECK (
        (vat_valid IS NULL) = (vat_checked_at IS NULL)
        AND (vat_valid IS NULL OR vat_id IS NOT NULL)
        AND (vat_valid IS NOT NULL OR vat_reference IS NULL)
    );

CREATE TABLE company_locations (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL CONSTRAINT company_locations_company REFERENCES companies (id),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- As a customer's address. Nobody looks for a location by a part of it.
    address jsonb NOT NULL,
    -- The catalog of the pricing service that it buys from; the one of its country and segment where absent.
    catalog text CHECK (length(catalog) <= 63),
    -- Why no tax is due there, from the first to the last day of the certificate, both included.
    exemption_certificate text CHECK (length(exemption_certificate) BETWEEN 1 AND 100),
    exemption_from date,
    exemption_until date CHECK (exemption_until >= exemption_from),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT company_locations_exemption CHECK (
        num_nulls(exemption_certificate, exemption_from, exemption_until) IN (0, 3)
    )
);
CREATE INDEX company_locations_company_id ON company_locations (company_id, created_at, id);

-- Which orders of a company somebody has to approve, whatever their buyer's limit. All that a rule says has to fit.
CREATE TABLE approval_rules (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL CONSTRAINT approval_rules_company REFERENCES companies (id),
    -- Orders of at least so much.
    min_amount bigint CHECK (min_amount >= 0),
    currency text CHECK ((min_amount IS NULL) = (currency IS NULL)),
    -- Orders with a product of this category.
    category_id uuid,
    approver_role text NOT NULL CHECK (approver_role IN ('approver', 'admin')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approval_rules_say CHECK (min_amount IS NOT NULL OR category_id IS NOT NULL)
);
CREATE INDEX approval_rules_company_id ON approval_rules (company_id, created_at, id);

ALTER TABLE approvals
    -- Which rules want it, and who may give it.
    ADD COLUMN rule_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN approver_role text NOT NULL DEFAULT 'approver' CHECK (approver_role IN ('approver', 'admin'));
CREATE INDEX approvals_buyer_id ON approvals (buyer_id);

-- Staff merges too: then nobody visits, and somebody has said why.
ALTER TABLE merges
    ALTER COLUMN visitor_id DROP NOT NULL,
    ADD COLUMN merged_by uuid,
    ADD COLUMN reason text CHECK (length(reason) BETWEEN 1 AND 1000),
    ADD CONSTRAINT merges_who CHECK ((visitor_id IS NULL) = (merged_by IS NOT NULL AND reason IS NOT NULL));
