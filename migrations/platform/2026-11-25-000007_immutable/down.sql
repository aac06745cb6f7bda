DROP FUNCTION platform_shared.refuse_change();
