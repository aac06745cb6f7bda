//! Tables of a tenant's ecomm schema. Unqualified: the bound connection's path says whose they are.

diesel::table! {
    shipping_methods (id) {
        id -> Uuid,
        code -> Text,
        name -> Text,
        countries -> Array<Text>,
        amount -> BigInt,
        currency -> Text,
        active -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    carts (id) {
        id -> Uuid,
        session_id -> Uuid,
        state -> Text,
        country -> Text,
        company_id -> Nullable<Uuid>,
        channel -> Nullable<Text>,
        coupon_codes -> Array<Text>,
        email -> Nullable<Text>,
        ship_to -> Nullable<Jsonb>,
        bill_to -> Nullable<Jsonb>,
        shipping_method -> Nullable<Text>,
        order_id -> Nullable<Uuid>,
        customer_id -> Nullable<Uuid>,
        merged_into -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    cart_lines (cart_id, id) {
        cart_id -> Uuid,
        id -> Uuid,
        folded -> Text,
        sku -> Text,
        quantity -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    checkouts (id) {
        id -> Uuid,
        cart_id -> Uuid,
        session_id -> Uuid,
        status -> Text,
        step -> Text,
        expected_total -> BigInt,
        currency -> Text,
        provider -> Text,
        payment_token -> Nullable<Text>,
        short_ship -> Bool,
        cart -> Jsonb,
        buyer -> Nullable<Jsonb>,
        quote -> Nullable<Jsonb>,
        reservation -> Nullable<Jsonb>,
        order_id -> Nullable<Uuid>,
        order_number -> Nullable<Text>,
        problem -> Nullable<Jsonb>,
        problem_status -> Nullable<SmallInt>,
        attempts -> Integer,
        next_at -> Timestamptz,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}
