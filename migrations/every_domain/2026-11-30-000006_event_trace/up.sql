-- Within which recorded trace it happened (a W3C traceparent), so that what it causes elsewhere is found with it.
ALTER TABLE outbox_events ADD COLUMN trace text CHECK (length(trace) = 55);
