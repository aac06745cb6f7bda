DROP TABLE inbox_events;
DROP TABLE outbox_cursors;
DROP TABLE outbox_events;
DROP SEQUENCE outbox_numbers;
