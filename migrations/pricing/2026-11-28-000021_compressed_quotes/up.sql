-- lz4 takes less time than writing what it saves.
DO $$
BEGIN
    ALTER TABLE price_quotes ALTER COLUMN request SET COMPRESSION lz4, ALTER COLUMN request SET STORAGE EXTENDED, ALTER COLUMN document SET COMPRESSION lz4, ALTER COLUMN document SET STORAGE EXTENDED;
EXCEPTION WHEN feature_not_supported THEN
    -- A server that was built without lz4 keeps it as it is.
    NULL;
END
$$;
