//! Tables of a tenant's OMS schema. Unqualified: the bound connection's path says whose they are.

diesel::table! {
    payment_accounts (provider) {
        provider -> Text,
        account -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    orders (id) {
        id -> Uuid,
        number -> BigInt,
        checkout_id -> Uuid,
        cart_id -> Uuid,
        status -> Text,
        customer_id -> Nullable<Uuid>,
        company_id -> Nullable<Uuid>,
        currency -> Text,
        net -> BigInt,
        tax -> BigInt,
        provider -> Text,
        payment_token -> Nullable<Text>,
        payment_days -> Integer,
        snapshot -> Jsonb,
        hold_reason -> Nullable<Text>,
        placed_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    order_lines (order_id, line) {
        order_id -> Uuid,
        line -> Integer,
        kind -> Text,
        sku -> Nullable<Text>,
        name -> Text,
        ordered -> BigInt,
        cancelled -> BigInt,
        shipped -> BigInt,
        delivered -> BigInt,
        returned -> BigInt,
        refunded -> BigInt,
        net -> BigInt,
        tax -> BigInt,
        cancelled_net -> BigInt,
        cancelled_tax -> BigInt,
        returned_net -> BigInt,
        returned_tax -> BigInt,
        tax_rate -> BigInt,
    }
}

diesel::table! {
    payments (order_id) {
        order_id -> Uuid,
        provider -> Text,
        currency -> Text,
        account -> Nullable<Text>,
        reference -> Nullable<Text>,
        authorised -> BigInt,
        captured -> BigInt,
        capturing -> BigInt,
        voided -> BigInt,
        refunded -> BigInt,
        refunding -> BigInt,
        charged_back -> BigInt,
        for_returns -> BigInt,
        excess -> BigInt,
        look_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payment_transactions (id) {
        id -> Uuid,
        order_id -> Uuid,
        kind -> Text,
        cause -> Text,
        amount -> BigInt,
        state -> Text,
        reference -> Nullable<Text>,
        failure -> Nullable<Text>,
        attempts -> Integer,
        next_at -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        excess -> BigInt,
    }
}

diesel::table! {
    provider_events (provider, event_id) {
        provider -> Text,
        event_id -> Text,
        body -> Jsonb,
        received_at -> Timestamptz,
        processed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    fulfilment_orders (id) {
        id -> Uuid,
        order_id -> Uuid,
        location_id -> Nullable<Uuid>,
        status -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    fulfilment_lines (fulfilment_id, line) {
        fulfilment_id -> Uuid,
        line -> Integer,
        quantity -> BigInt,
        cancelled -> BigInt,
        shipped -> BigInt,
    }
}

diesel::table! {
    shipments (id) {
        id -> Uuid,
        order_id -> Uuid,
        fulfilment_id -> Uuid,
        slip -> Text,
        carrier -> Nullable<Text>,
        tracking -> Nullable<Text>,
        shipped_at -> Timestamptz,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    shipment_lines (shipment_id, line) {
        shipment_id -> Uuid,
        line -> Integer,
        quantity -> BigInt,
        net -> BigInt,
        tax -> BigInt,
    }
}

diesel::table! {
    returns (id) {
        id -> Uuid,
        order_id -> Uuid,
        shipment_id -> Uuid,
        status -> Text,
        reason -> Text,
        comment -> Nullable<Text>,
        credited -> Nullable<BigInt>,
        refunded -> Nullable<BigInt>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    return_lines (return_id, line) {
        return_id -> Uuid,
        line -> Integer,
        requested -> BigInt,
        received -> BigInt,
        accepted -> BigInt,
        restock -> Bool,
    }
}

diesel::table! {
    order_events (id) {
        id -> Uuid,
        order_id -> Uuid,
        kind -> Text,
        actor -> Nullable<Uuid>,
        data -> Jsonb,
        at -> Timestamptz,
    }
}

diesel::joinable!(fulfilment_orders -> orders (order_id));
diesel::joinable!(payments -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(fulfilment_orders, orders, payments);
