-- What a POST answered under the key that its caller chose. Written in the transaction of the effect, so that
-- after a crash there are both or neither.
CREATE TABLE idempotency_keys (
    key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    status smallint NOT NULL CHECK (status BETWEEN 200 AND 499),
    headers jsonb NOT NULL DEFAULT '{}',
    body bytea NOT NULL CHECK (length(body) <= 65536),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
