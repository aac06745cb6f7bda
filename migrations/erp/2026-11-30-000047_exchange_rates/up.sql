-- What one unit of another currency is in that of the books, from a day on.
CREATE TABLE exchange_rates (
    id uuid PRIMARY KEY,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    valid_from date NOT NULL,
    rate text NOT NULL CHECK (rate ~ '^[0-9]{1,10}([.][0-9]{1,10})?$'),
    noted_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT exchange_rates_once UNIQUE (currency, valid_from)
);
CREATE INDEX exchange_rates_created_at ON exchange_rates (created_at, id);
