-- When to look whether what is authorised still is: providers let it go by themselves after some days.
ALTER TABLE payments ADD COLUMN look_at timestamptz;
CREATE INDEX payments_look_at ON payments (look_at);
UPDATE payments SET look_at = now() WHERE authorised > captured + voided;
