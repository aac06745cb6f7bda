DROP FUNCTION platform_shared.outbox_number();
