DROP TABLE webhook_attempts, webhook_deliveries, webhook_messages, webhook_health, webhook_endpoints;
