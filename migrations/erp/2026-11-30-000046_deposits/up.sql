INSERT INTO accounts (code, name, kind) VALUES ('2300', 'Customer deposits', 'liability');

-- What customers have paid for orders before it was invoiced, and that nothing has become of yet. The books say the same: 2300.
CREATE TABLE deposits (
    order_id uuid PRIMARY KEY,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CHECK (amount >= 0)
);

COMMENT ON TABLE deposits IS 'unaudited: sums of entries, which are audited';

-- What was a deposit pays an invoice too.
ALTER TABLE payments_received
    DROP CONSTRAINT payments_received_account_check,
    ADD CONSTRAINT payments_received_account_check CHECK (account IN ('1000', '1100', '2300'));
