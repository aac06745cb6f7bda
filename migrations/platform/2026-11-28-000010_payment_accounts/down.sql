DROP FUNCTION platform_shared.own_payment_account();
DROP TABLE platform_shared.payment_account_owners;
