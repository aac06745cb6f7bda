DROP TABLE bill_payments, supplier_bill_lines, supplier_bills, goods_receipt_lines, goods_receipts, purchase_order_lines,
    purchase_orders, suppliers, purchasing_rules;
DROP FUNCTION keep_bill();
DELETE FROM accounts WHERE code = '1300';
ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_kind_check,
    ADD CONSTRAINT journal_entries_kind_check
        CHECK (kind IN ('invoice', 'credit_note', 'payment', 'refund', 'manual', 'reversal', 'stock'));
