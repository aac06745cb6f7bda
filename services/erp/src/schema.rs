//! Tables of a tenant's erp schema. Unqualified: the bound connection's path says whose they are.

diesel::table! {
    warehouses (id) {
        id -> Uuid,
        code -> Text,
        name -> Text,
        country -> Text,
        priority -> Integer,
        active -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    locations (id) {
        id -> Uuid,
        warehouse_id -> Nullable<Uuid>,
        kind -> Text,
    }
}

diesel::table! {
    stock_levels (folded, location_id) {
        folded -> Text,
        location_id -> Uuid,
        sku -> Text,
        on_hand -> BigInt,
        reserved -> BigInt,
        safety -> BigInt,
        backorder_limit -> BigInt,
        reorder_point -> BigInt,
    }
}

diesel::table! {
    stock_moves (id) {
        id -> Uuid,
        folded -> Text,
        sku -> Text,
        from_id -> Uuid,
        to_id -> Uuid,
        quantity -> BigInt,
        kind -> Text,
        cause -> Text,
        line -> Integer,
        note -> Nullable<Text>,
        at -> Timestamptz,
        moved_by -> Uuid,
        value -> BigInt,
    }
}

diesel::table! {
    cost_states (folded, warehouse_id) {
        folded -> Text,
        warehouse_id -> Uuid,
        sku -> Text,
        quantity -> BigInt,
        value -> BigInt,
    }
}

diesel::table! {
    issue_returns (move_id) {
        move_id -> Uuid,
        returned -> BigInt,
    }
}

diesel::table! {
    reservations (owner_id) {
        owner_id -> Uuid,
        released -> Bool,
        asked -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    reservation_lines (owner_id, folded, location_id) {
        owner_id -> Uuid,
        folded -> Text,
        location_id -> Uuid,
        sku -> Text,
        open -> BigInt,
        consumed -> BigInt,
        state -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    books (only_row) {
        only_row -> Bool,
        currency -> Text,
    }
}

diesel::table! {
    accounts (code) {
        code -> Text,
        name -> Text,
        kind -> Text,
    }
}

diesel::table! {
    periods (period) {
        period -> Text,
        closed_at -> Nullable<Timestamptz>,
        closed_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    journal_entries (id) {
        id -> Uuid,
        posted_on -> Date,
        kind -> Text,
        cause -> Text,
        text -> Text,
        posted_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    journal_lines (entry_id, line) {
        entry_id -> Uuid,
        line -> Integer,
        account -> Text,
        amount -> BigInt,
        currency -> Text,
        book_amount -> BigInt,
    }
}

diesel::table! {
    number_sequences (series) {
        series -> Text,
        last -> BigInt,
    }
}

diesel::table! {
    invoices (id) {
        id -> Uuid,
        kind -> Text,
        status -> Text,
        cause -> Text,
        invoice_id -> Nullable<Uuid>,
        series -> Nullable<Text>,
        number -> Nullable<BigInt>,
        order_id -> Nullable<Uuid>,
        customer_id -> Nullable<Uuid>,
        company_id -> Nullable<Uuid>,
        currency -> Text,
        net -> BigInt,
        tax -> BigInt,
        paid -> BigInt,
        credited -> BigInt,
        refunded -> BigInt,
        payment_days -> Integer,
        issued_on -> Nullable<Date>,
        due_on -> Nullable<Date>,
        fx_rate -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_lines (invoice_id, line) {
        invoice_id -> Uuid,
        line -> Integer,
        sku -> Nullable<Text>,
        text -> Text,
        quantity -> BigInt,
        net -> BigInt,
        tax -> BigInt,
        tax_rate -> BigInt,
        credited -> BigInt,
    }
}

diesel::table! {
    payments_received (id) {
        id -> Uuid,
        invoice_id -> Uuid,
        reference -> Text,
        account -> Text,
        amount -> BigInt,
        currency -> Text,
        received_on -> Date,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    refused_events (event_id) {
        event_id -> Uuid,
        kind -> Text,
        subject -> Uuid,
        data -> Jsonb,
        code -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    purchasing_rules (only_row) {
        only_row -> Bool,
        approval_limit -> BigInt,
        over_receipt -> BigInt,
        price_difference -> BigInt,
    }
}

diesel::table! {
    suppliers (id) {
        id -> Uuid,
        code -> Text,
        name -> Text,
        contact -> Nullable<Text>,
        payment_days -> Integer,
        active -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    purchase_orders (id) {
        id -> Uuid,
        number -> Text,
        supplier_id -> Uuid,
        status -> Text,
        location_id -> Uuid,
        expected_on -> Nullable<Date>,
        note -> Nullable<Text>,
        total -> BigInt,
        written_by -> Array<Uuid>,
        approved_by -> Nullable<Uuid>,
        approved_at -> Nullable<Timestamptz>,
        sent_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    purchase_order_lines (purchase_order_id, line) {
        purchase_order_id -> Uuid,
        line -> Integer,
        sku -> Text,
        quantity -> BigInt,
        unit_cost -> BigInt,
        at_most -> BigInt,
        received -> BigInt,
        billed -> BigInt,
    }
}

diesel::table! {
    goods_receipts (id) {
        id -> Uuid,
        purchase_order_id -> Uuid,
        reference -> Text,
        location_id -> Uuid,
        received_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    goods_receipt_lines (receipt_id, line) {
        receipt_id -> Uuid,
        line -> Integer,
        quantity -> BigInt,
    }
}

diesel::table! {
    supplier_bills (id) {
        id -> Uuid,
        supplier_id -> Uuid,
        purchase_order_id -> Uuid,
        number -> Text,
        status -> Text,
        net -> BigInt,
        tax -> BigInt,
        difference -> BigInt,
        accepted_by -> Nullable<Uuid>,
        paid -> BigInt,
        billed_on -> Date,
        due_on -> Date,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    supplier_bill_lines (bill_id, line) {
        bill_id -> Uuid,
        line -> Integer,
        quantity -> BigInt,
        net -> BigInt,
    }
}

diesel::table! {
    bill_payments (id) {
        id -> Uuid,
        bill_id -> Uuid,
        reference -> Text,
        amount -> BigInt,
        paid_on -> Date,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    deposits (order_id) {
        order_id -> Uuid,
        currency -> Text,
        amount -> BigInt,
    }
}

diesel::table! {
    exchange_rates (id) {
        id -> Uuid,
        currency -> Text,
        valid_from -> Date,
        rate -> Text,
        noted_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(journal_lines -> journal_entries (entry_id));
diesel::allow_tables_to_appear_in_same_query!(journal_lines, journal_entries);
diesel::joinable!(stock_levels -> locations (location_id));
diesel::joinable!(locations -> warehouses (warehouse_id));
diesel::allow_tables_to_appear_in_same_query!(
    stock_levels,
    locations,
    warehouses,
    reservation_lines
);
