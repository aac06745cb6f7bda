-- An import is a job: the file lies in chunks until it is done, so a crash loses neither file nor progress.
CREATE TABLE imports (
    id uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('uploading', 'queued', 'running', 'done', 'failed')),
    file_name text NOT NULL DEFAULT '' CHECK (length(file_name) <= 255),
    bytes bigint NOT NULL DEFAULT 0,
    sha256 bytea CHECK (length(sha256) = 32),
    dialect text,
    rows_read bigint NOT NULL DEFAULT 0,
    products_read bigint NOT NULL DEFAULT 0,
    products_created bigint NOT NULL DEFAULT 0,
    products_updated bigint NOT NULL DEFAULT 0,
    products_unchanged bigint NOT NULL DEFAULT 0,
    products_refused bigint NOT NULL DEFAULT 0,
    variants_created bigint NOT NULL DEFAULT 0,
    variants_updated bigint NOT NULL DEFAULT 0,
    warnings bigint NOT NULL DEFAULT 0,
    errors bigint NOT NULL DEFAULT 0,
    failure_code text,
    failure_detail text,
    -- Who runs the job, and until when that process is believed to be alive.
    runner uuid,
    lease_until timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX imports_created_at ON imports (created_at, id);
CREATE INDEX imports_unfinished ON imports (created_at) WHERE status IN ('uploading', 'queued', 'running');

CREATE TABLE import_chunks (
    import_id uuid NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    seq integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (import_id, seq)
);
ALTER TABLE import_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE import_problems (
    import_id uuid NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    seq bigint NOT NULL,
    row_number bigint NOT NULL,
    product_key text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('error', 'warning')),
    column_name text,
    code text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (import_id, seq)
);
