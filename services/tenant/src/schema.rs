//! Tables of `platform_shared`, always written with their schema.

diesel::table! {
    platform_shared.tenants (id) {
        id -> Uuid,
        key -> Text,
        name -> Text,
        subdomain -> Text,
        subscription_tier -> Text,
        status -> Text,
        settings -> Jsonb,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        purged_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    platform_shared.purge_certificates (tenant_id) {
        tenant_id -> Uuid,
        tenant_key -> Text,
        row_counts -> Jsonb,
        digest -> Binary,
        purged_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.regions (code) {
        code -> Text,
        name -> Text,
    }
}

diesel::table! {
    platform_shared.currencies (code) {
        code -> Text,
        numeric_code -> Text,
        name -> Text,
        minor_units -> Nullable<SmallInt>,
    }
}

diesel::table! {
    platform_shared.countries (code) {
        code -> Text,
        alpha3 -> Text,
        numeric_code -> Text,
        name -> Text,
        dialling_code -> Text,
        currency -> Text,
        continent -> Text,
        region -> Text,
    }
}
