//! Tables of a tenant's pricing schema. Unqualified: the bound connection's path says whose they are.

diesel::table! {
    market_codes (kind, code) {
        kind -> Text,
        code -> Text,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    catalogs (id) {
        id -> Uuid,
        code -> Text,
        name -> Text,
        region -> Nullable<Text>,
        channel -> Nullable<Text>,
        segment -> Nullable<Text>,
        currency -> Text,
        tax_included -> Bool,
        locale -> Text,
        effective_from -> Nullable<Timestamptz>,
        effective_until -> Nullable<Timestamptz>,
        status -> Text,
        is_default -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    catalog_entries (catalog_id, product_id) {
        catalog_id -> Uuid,
        product_id -> Uuid,
        enabled -> Bool,
        position -> Integer,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    catalog_rules (id) {
        id -> Uuid,
        catalog_id -> Uuid,
        priority -> Integer,
        locale -> Nullable<Text>,
        countries -> Array<Text>,
        except_countries -> Array<Text>,
        segments -> Array<Text>,
        buyers -> Array<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    known_skus (folded) {
        folded -> Text,
        sku -> Text,
        product_id -> Uuid,
        as_of -> BigInt,
        active -> Bool,
        kind -> Text,
        taxable -> Bool,
        tax_category -> Nullable<Text>,
    }
}

diesel::table! {
    prices (id) {
        id -> Uuid,
        sku -> Text,
        folded -> Text,
        amount -> BigInt,
        currency -> Text,
        per_quantity -> BigInt,
        compare_at -> Nullable<BigInt>,
        company_id -> Nullable<Uuid>,
        segment -> Nullable<Text>,
        channel -> Nullable<Text>,
        country -> Nullable<Text>,
        catalog_id -> Nullable<Uuid>,
        min_quantity -> BigInt,
        valid_from -> Nullable<Timestamptz>,
        valid_until -> Nullable<Timestamptz>,
        for_a_time -> Bool,
        kind -> Text,
        status -> Text,
        replaces -> Nullable<Uuid>,
        created_by -> Uuid,
        authors -> Array<Uuid>,
        approved_by -> Nullable<Uuid>,
        approved_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    price_starts (price_id) {
        price_id -> Uuid,
        starts_at -> Timestamptz,
    }
}

diesel::table! {
    released_checkouts (checkout_id) {
        checkout_id -> Uuid,
        at -> Timestamptz,
    }
}

diesel::table! {
    promotions (id) {
        id -> Uuid,
        name -> Text,
        code -> Nullable<Text>,
        action -> Jsonb,
        target -> Jsonb,
        conditions -> Jsonb,
        stacking_group -> Nullable<Text>,
        exclusive -> Bool,
        priority -> Integer,
        valid_from -> Nullable<Timestamptz>,
        valid_until -> Nullable<Timestamptz>,
        usage_limit -> Nullable<BigInt>,
        per_customer_limit -> Nullable<BigInt>,
        budget -> Nullable<BigInt>,
        budget_currency -> Nullable<Text>,
        used -> BigInt,
        spent -> BigInt,
        status -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    promotion_customers (promotion_id, customer_id) {
        promotion_id -> Uuid,
        customer_id -> Uuid,
        used -> BigInt,
    }
}

diesel::table! {
    tax_rates (id) {
        id -> Uuid,
        category -> Text,
        country -> Text,
        postcodes -> Nullable<Text>,
        name -> Text,
        rate -> Integer,
        valid_from -> Nullable<Timestamptz>,
        valid_until -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    fx_rates (id) {
        id -> Uuid,
        base -> Text,
        quote -> Text,
        rate -> BigInt,
        as_of -> Timestamptz,
        source -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    price_quotes (id) {
        id -> Uuid,
        request -> Text,
        document -> Text,
        hash -> Text,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    redemptions (id) {
        id -> Uuid,
        promotion_id -> Uuid,
        checkout_id -> Uuid,
        quote_id -> Uuid,
        customer_id -> Nullable<Uuid>,
        amount -> BigInt,
        currency -> Text,
        state -> Text,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(catalog_entries, known_skus);
diesel::allow_tables_to_appear_in_same_query!(promotions, redemptions);
