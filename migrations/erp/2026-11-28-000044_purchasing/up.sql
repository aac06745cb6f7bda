INSERT INTO accounts (code, name, kind) VALUES ('1300', 'Input tax', 'asset');

ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_kind_check,
    ADD CONSTRAINT journal_entries_kind_check CHECK (kind IN
        ('invoice', 'credit_note', 'payment', 'refund', 'manual', 'reversal', 'stock', 'bill', 'bill_payment'));

-- How a tenant buys.
CREATE TABLE purchasing_rules (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- In minor units of the books' currency. An order above it is approved by somebody who has not written it.
    approval_limit bigint NOT NULL DEFAULT 0 CHECK (approval_limit >= 0),
    -- In millionths of what was ordered, and of what it was to cost.
    over_receipt bigint NOT NULL DEFAULT 0 CHECK (over_receipt BETWEEN 0 AND 1000000),
    price_difference bigint NOT NULL DEFAULT 0 CHECK (price_difference BETWEEN 0 AND 1000000)
);
INSERT INTO purchasing_rules DEFAULT VALUES;

CREATE TABLE suppliers (
    id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT suppliers_code_unique UNIQUE CHECK (length(code) BETWEEN 1 AND 63),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    contact text CHECK (length(contact) BETWEEN 1 AND 200),
    payment_days integer NOT NULL CHECK (payment_days BETWEEN 0 AND 365),
    -- Whether anything is ordered from it.
    active boolean NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX suppliers_created_at ON suppliers (created_at, id);

CREATE TABLE purchase_orders (
    id uuid PRIMARY KEY,
    number text NOT NULL CONSTRAINT purchase_orders_number UNIQUE,
    supplier_id uuid NOT NULL CONSTRAINT purchase_orders_supplier REFERENCES suppliers (id),
    status text NOT NULL CHECK (status IN
        ('draft', 'approved', 'sent', 'partially_received', 'received', 'closed', 'cancelled')),
    -- Where it is to come.
    location_id uuid NOT NULL CONSTRAINT purchase_orders_location REFERENCES locations (id),
    expected_on date,
    note text CHECK (length(note) <= 500),
    total bigint NOT NULL CHECK (total >= 0),
    -- Whoever has written any of it, who has drafted it first.
    written_by uuid[] NOT NULL CHECK (cardinality(written_by) >= 1),
    approved_by uuid,
    approved_at timestamptz,
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (status IN ('draft', 'cancelled') OR approved_by IS NOT NULL),
    sent_at timestamptz,
    CHECK (status NOT IN ('sent', 'partially_received', 'received', 'closed') OR sent_at IS NOT NULL),
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX purchase_orders_created_at ON purchase_orders (created_at, id);
CREATE INDEX purchase_orders_supplier_id ON purchase_orders (supplier_id);

CREATE TABLE purchase_order_lines (
    purchase_order_id uuid NOT NULL CONSTRAINT purchase_order_lines_order REFERENCES purchase_orders (id),
    line integer NOT NULL CHECK (line >= 0),
    sku text NOT NULL CHECK (length(sku) BETWEEN 1 AND 100),
    quantity bigint NOT NULL CHECK (quantity >= 1),
    -- In minor units of the books' currency.
    unit_cost bigint NOT NULL CHECK (unit_cost >= 0),
    -- What may come of it: as it was approved.
    at_most bigint NOT NULL,
    received bigint NOT NULL DEFAULT 0,
    billed bigint NOT NULL DEFAULT 0,
    -- Nothing is billed that has not come, and nothing comes that was not ordered.
    CONSTRAINT purchase_order_lines_match CHECK (0 <= billed AND billed <= received AND received <= at_most AND at_most >= quantity),
    PRIMARY KEY (purchase_order_id, line)
);

-- What has come, by the supplier's slip: each counts once. Never changed.
CREATE TABLE goods_receipts (
    id uuid PRIMARY KEY,
    purchase_order_id uuid NOT NULL CONSTRAINT goods_receipts_order REFERENCES purchase_orders (id),
    reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 60),
    location_id uuid NOT NULL,
    received_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT goods_receipts_once UNIQUE (purchase_order_id, reference)
);
CREATE INDEX goods_receipts_created_at ON goods_receipts (created_at, id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON goods_receipts
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();
CREATE TABLE goods_receipt_lines (
    receipt_id uuid NOT NULL CONSTRAINT goods_receipt_lines_receipt REFERENCES goods_receipts (id),
    line integer NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 1),
    PRIMARY KEY (receipt_id, line)
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON goods_receipt_lines
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

-- What suppliers want for what has come. Only what is paid of it changes.
CREATE TABLE supplier_bills (
    id uuid PRIMARY KEY,
    supplier_id uuid NOT NULL CONSTRAINT supplier_bills_supplier REFERENCES suppliers (id),
    purchase_order_id uuid NOT NULL CONSTRAINT supplier_bills_order REFERENCES purchase_orders (id),
    -- The supplier's.
    number text NOT NULL CHECK (length(number) BETWEEN 1 AND 60),
    status text NOT NULL CHECK (status IN ('open', 'partially_paid', 'paid')),
    net bigint NOT NULL CHECK (net >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    -- What was billed above what it was to cost, or below.
    difference bigint NOT NULL,
    -- Who has agreed to that, where it is more than the rules allow.
    accepted_by uuid,
    paid bigint NOT NULL CHECK (paid BETWEEN 0 AND net + tax),
    billed_on date NOT NULL,
    due_on date NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT supplier_bills_once UNIQUE (supplier_id, number)
);
CREATE INDEX supplier_bills_created_at ON supplier_bills (created_at, id);
CREATE INDEX supplier_bills_purchase_order_id ON supplier_bills (purchase_order_id);
CREATE FUNCTION keep_bill() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - ARRAY['status', 'paid', 'version', 'updated_at'])
        <> (to_jsonb(OLD) - ARRAY['status', 'paid', 'version', 'updated_at']) OR NEW.paid < OLD.paid
    THEN
        RAISE EXCEPTION 'the bill % is never changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON supplier_bills FOR EACH ROW EXECUTE FUNCTION keep_bill();
CREATE TABLE supplier_bill_lines (
    bill_id uuid NOT NULL CONSTRAINT supplier_bill_lines_bill REFERENCES supplier_bills (id),
    line integer NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 1),
    net bigint NOT NULL CHECK (net >= 0),
    PRIMARY KEY (bill_id, line)
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON supplier_bill_lines
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

-- What suppliers were paid, by the bank's reference: each counts once.
CREATE TABLE bill_payments (
    id uuid PRIMARY KEY,
    bill_id uuid NOT NULL CONSTRAINT bill_payments_bill REFERENCES supplier_bills (id),
    reference text NOT NULL CONSTRAINT bill_payments_once UNIQUE CHECK (length(reference) BETWEEN 1 AND 100),
    amount bigint NOT NULL CHECK (amount >= 1),
    paid_on date NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX bill_payments_bill_id ON bill_payments (bill_id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON bill_payments
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();
