//! Tables of a tenant's product schema. Unqualified: the bound connection's path says whose they are.

diesel::table! {
    categories (id) {
        id -> Uuid,
        code -> Text,
        name -> Text,
        parent_id -> Nullable<Uuid>,
        position -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    attribute_definitions (id) {
        id -> Uuid,
        code -> Text,
        label -> Text,
        #[sql_name = "type"]
        kind -> Text,
        required -> Bool,
        facetable -> Bool,
        constraints -> Jsonb,
        section -> Text,
        localizable -> Bool,
        scopable -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    products (id) {
        id -> Uuid,
        key -> Text,
        kind -> Text,
        status -> Text,
        name -> Text,
        description -> Text,
        vendor -> Text,
        product_type -> Text,
        tags -> Array<Text>,
        options -> Array<Text>,
        category_ids -> Array<Uuid>,
        attributes -> Jsonb,
        extra -> Jsonb,
        launched_at -> Nullable<Timestamptz>,
        sections -> Jsonb,
        working_rev -> BigInt,
        launched_rev -> Nullable<BigInt>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search_text -> Text,
    }
}

diesel::table! {
    variants (id) {
        id -> Uuid,
        product_id -> Uuid,
        sku -> Text,
        barcode -> Nullable<Text>,
        option_values -> Array<Text>,
        position -> Integer,
        weight_grams -> Nullable<BigInt>,
        requires_shipping -> Bool,
        taxable -> Bool,
        track_inventory -> Bool,
        image_url -> Nullable<Text>,
        extra -> Jsonb,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    media (id) {
        id -> Uuid,
        product_id -> Uuid,
        url -> Text,
        alt -> Text,
        position -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    imports (id) {
        id -> Uuid,
        status -> Text,
        file_name -> Text,
        bytes -> BigInt,
        sha256 -> Nullable<Binary>,
        dialect -> Nullable<Text>,
        rows_read -> BigInt,
        products_read -> BigInt,
        products_created -> BigInt,
        products_updated -> BigInt,
        products_unchanged -> BigInt,
        products_refused -> BigInt,
        variants_created -> BigInt,
        variants_updated -> BigInt,
        warnings -> BigInt,
        errors -> BigInt,
        failure_code -> Nullable<Text>,
        failure_detail -> Nullable<Text>,
        runner -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        created_by -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    product_revisions (product_id, rev) {
        product_id -> Uuid,
        rev -> BigInt,
        hash -> Binary,
        document -> Jsonb,
        launched_by -> Uuid,
        launched_at -> Timestamptz,
    }
}

diesel::table! {
    product_counts (only_row) {
        only_row -> Bool,
        live -> BigInt,
    }
}

diesel::table! {
    import_chunks (import_id, seq) {
        import_id -> Uuid,
        seq -> Integer,
        data -> Binary,
    }
}

diesel::table! {
    import_problems (import_id, seq) {
        import_id -> Uuid,
        seq -> BigInt,
        row_number -> BigInt,
        product_key -> Text,
        severity -> Text,
        column_name -> Nullable<Text>,
        code -> Text,
        message -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(products, variants, media);

diesel::table! {
    staged_products (id) {
        id -> Uuid,
        key -> Text,
        rev -> BigInt,
        hash -> Binary,
        as_of -> BigInt,
        status -> Text,
        seq -> BigInt,
        kind -> Text,
        name -> Text,
        vendor -> Text,
        product_type -> Text,
        tags -> Array<Text>,
        category_ids -> Array<Uuid>,
        attributes -> Jsonb,
        rest -> Jsonb,
        launched_at -> Timestamptz,
        updated_at -> Timestamptz,
        search_text -> Text,
    }
}

diesel::table! {
    staged_variants (id) {
        id -> Uuid,
        product_id -> Uuid,
        sku -> Text,
        position -> Integer,
        document -> Jsonb,
    }
}

diesel::table! {
    staging_head (only_row) {
        only_row -> Bool,
        seq -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(staged_products, staged_variants);
