-- A job's file, progress and report are no facts of the catalog; what it changes in products is audited there.
COMMENT ON TABLE imports IS 'unaudited: a job';
COMMENT ON TABLE import_chunks IS 'unaudited: a job''s file';
COMMENT ON TABLE import_problems IS 'unaudited: a job''s report';
