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

diesel::joinable!(stock_levels -> locations (location_id));
diesel::joinable!(locations -> warehouses (warehouse_id));
diesel::allow_tables_to_appear_in_same_query!(
    stock_levels,
    locations,
    warehouses,
    reservation_lines
);
