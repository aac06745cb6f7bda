-- When to look whether what is authorised still is: providers let it go by themselves after some days.
ALTER TABLE payments ADD COLUMN look_at timestamptz;
CREATE INDEX payments_look_at ON payments (look_at);
-- Not all of them in one moment, and none that is being let go.
UPDATE payments SET look_at = now() + random() * interval '12 hours'
    WHERE authorised > captured + voided AND NOT EXISTS (
        SELECT FROM payment_transactions AS own
        WHERE own.order_id = payments.order_id AND own.kind = 'void' AND own.state IN ('initial', 'pending'));
-- Those that the version before writes meanwhile are looked at too.
ALTER TABLE payments ALTER COLUMN look_at SET DEFAULT now() + interval '6 days';
