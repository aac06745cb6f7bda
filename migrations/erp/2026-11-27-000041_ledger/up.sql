-- The currency in which the books are kept. It changes only while nothing is posted.
CREATE TABLE books (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    currency text NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$')
);
INSERT INTO books DEFAULT VALUES;

CREATE TABLE accounts (
    code text PRIMARY KEY CHECK (code ~ '^[0-9]{4,8}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense'))
);
INSERT INTO accounts (code, name, kind) VALUES
    ('1000', 'Bank', 'asset'),
    ('1100', 'Payments under way', 'asset'),
    ('1200', 'Receivables', 'asset'),
    ('1400', 'Inventory', 'asset'),
    ('2000', 'Payables', 'liability'),
    ('2100', 'Goods received, not invoiced', 'liability'),
    ('2200', 'Tax payable', 'liability'),
    ('3000', 'Equity', 'equity'),
    ('4000', 'Revenue', 'income'),
    ('4100', 'Returns', 'income'),
    ('5000', 'Cost of goods sold', 'expense'),
    ('5100', 'Price variance', 'expense'),
    ('5900', 'Inventory losses', 'expense'),
    ('6900', 'Rounding', 'expense');

-- Months of the books. One that is not here is open.
CREATE TABLE periods (
    period text PRIMARY KEY CHECK (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    closed_at timestamptz,
    closed_by uuid,
    CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);

-- What was posted, for which cause: once. Never changed; what was wrong is reversed by another entry.
CREATE TABLE journal_entries (
    id uuid PRIMARY KEY,
    posted_on date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'payment', 'refund', 'manual', 'reversal')),
    cause text NOT NULL CHECK (length(cause) BETWEEN 1 AND 200),
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    posted_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT journal_entries_once UNIQUE (kind, cause)
);
CREATE INDEX journal_entries_created_at ON journal_entries (created_at, id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON journal_entries
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

-- Debits are positive, credits negative; each in the currency of its document and in that of the books.
CREATE TABLE journal_lines (
    entry_id uuid NOT NULL CONSTRAINT journal_lines_entry REFERENCES journal_entries (id),
    line integer NOT NULL CHECK (line >= 0),
    account text NOT NULL CONSTRAINT journal_lines_account REFERENCES accounts (code),
    amount bigint NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    book_amount bigint NOT NULL,
    CHECK (amount <> 0 OR book_amount <> 0),
    PRIMARY KEY (entry_id, line)
);
CREATE INDEX journal_lines_account ON journal_lines (account);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON journal_lines
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

-- An entry balances when its transaction ends, whoever wrote it: in the books, and in each currency.
CREATE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT FROM journal_lines WHERE entry_id = NEW.entry_id GROUP BY currency HAVING sum(amount) <> 0
    ) OR (SELECT sum(book_amount) FROM journal_lines WHERE entry_id = NEW.entry_id) <> 0 THEN
        RAISE EXCEPTION 'the entry % does not balance', NEW.entry_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER balance AFTER INSERT ON journal_lines DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_balance();

-- The last number of each series. Its row is locked last, and a transaction that fails gives its number back.
CREATE TABLE number_sequences (
    series text PRIMARY KEY,
    last bigint NOT NULL CHECK (last >= 1)
);

CREATE TABLE invoices (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
    status text NOT NULL CHECK (status IN ('draft', 'issued', 'partially_paid', 'paid', 'credited')),
    -- What it is for, such as a shipment or a return: each is invoiced once.
    cause text NOT NULL CHECK (length(cause) BETWEEN 1 AND 100),
    -- Of a credit note: what it takes back.
    invoice_id uuid CONSTRAINT invoices_invoice REFERENCES invoices (id) CHECK ((invoice_id IS NOT NULL) = (kind = 'credit_note')),
    series text,
    number bigint,
    order_id uuid,
    customer_id uuid,
    company_id uuid,
    currency text NOT NULL,
    net bigint NOT NULL CHECK (net >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    -- Of an invoice: what was paid, and taken back by credit notes.
    paid bigint NOT NULL DEFAULT 0 CHECK (paid >= 0),
    credited bigint NOT NULL DEFAULT 0 CHECK (credited >= 0),
    -- What of the paid went back.
    refunded bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    payment_days integer NOT NULL DEFAULT 0 CHECK (payment_days BETWEEN 0 AND 365),
    issued_on date,
    due_on date,
    -- One unit of the currency in that of the books.
    fx_rate text NOT NULL DEFAULT '1' CHECK (fx_rate ~ '^[0-9]{1,10}([.][0-9]{1,10})?$'),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (paid <= net + tax AND credited <= net + tax AND refunded <= paid AND refunded <= credited),
    CHECK ((status = 'draft') = (number IS NULL)),
    CHECK (num_nulls(series, number, issued_on, due_on) IN (0, 4)),
    CONSTRAINT invoices_once UNIQUE (kind, cause),
    CONSTRAINT invoices_number UNIQUE (series, number)
);
CREATE INDEX invoices_created_at ON invoices (created_at, id);
CREATE INDEX invoices_order_id ON invoices (order_id);
CREATE INDEX invoices_invoice_id ON invoices (invoice_id);

CREATE TABLE invoice_lines (
    invoice_id uuid NOT NULL CONSTRAINT invoice_lines_invoice REFERENCES invoices (id),
    line integer NOT NULL CHECK (line >= 0),
    sku text,
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    quantity bigint NOT NULL CHECK (quantity >= 1),
    net bigint NOT NULL CHECK (net >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    -- In millionths.
    tax_rate bigint NOT NULL CHECK (tax_rate BETWEEN 0 AND 1000000),
    -- Pieces that credit notes have taken back.
    credited bigint NOT NULL DEFAULT 0 CHECK (credited BETWEEN 0 AND quantity),
    PRIMARY KEY (invoice_id, line)
);

-- What is issued stays as it is, but for what is paid and taken back of it.
CREATE FUNCTION keep_invoice() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.status = 'draft' AND TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - ARRAY['status', 'paid', 'credited', 'refunded', 'version', 'updated_at'])
        <> (to_jsonb(OLD) - ARRAY['status', 'paid', 'credited', 'refunded', 'version', 'updated_at'])
        OR NEW.status = 'draft' OR NEW.paid < OLD.paid OR NEW.credited < OLD.credited
        OR NEW.refunded < OLD.refunded
    THEN
        RAISE EXCEPTION 'the invoice % is never changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION keep_invoice();
CREATE FUNCTION keep_invoice_line() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - 'credited') <> (to_jsonb(OLD) - 'credited') OR NEW.credited < OLD.credited THEN
        RAISE EXCEPTION 'lines of invoices are never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON invoice_lines FOR EACH ROW EXECUTE FUNCTION keep_invoice_line();

-- What was paid, or went back where it is negative. The reference is the provider's or the bank's: each counts once.
CREATE TABLE payments_received (
    id uuid PRIMARY KEY,
    invoice_id uuid NOT NULL CONSTRAINT payments_received_invoice REFERENCES invoices (id),
    reference text NOT NULL CONSTRAINT payments_received_once UNIQUE CHECK (length(reference) BETWEEN 1 AND 100),
    account text NOT NULL CHECK (account IN ('1000', '1100')),
    amount bigint NOT NULL CHECK (amount <> 0),
    currency text NOT NULL,
    received_on date NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX payments_received_invoice_id ON payments_received (invoice_id);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON payments_received
    FOR EACH ROW EXECUTE FUNCTION platform_shared.refuse_change();

COMMENT ON TABLE number_sequences IS 'unaudited: a counter';
COMMENT ON TABLE periods IS 'unaudited: a lock; who closed a month stands in it';
