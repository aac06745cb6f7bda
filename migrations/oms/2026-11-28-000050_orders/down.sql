DROP TABLE order_events, shipment_lines, shipments, fulfilment_lines, fulfilment_orders, provider_events, payment_transactions,
    payments, order_lines, orders, payment_accounts;
DROP FUNCTION keep_agreed();
