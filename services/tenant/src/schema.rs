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

diesel::table! {
    platform_shared.tenant_users (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        roles -> Array<Text>,
        status -> Text,
        accepted -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.users (id) {
        id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Nullable<Text>,
        global_roles -> Array<Text>,
        default_tenant -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.sign_in_failures (email_digest) {
        email_digest -> Binary,
        failures -> Integer,
        locked_until -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        provider -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        tenant_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    platform_shared.sign_in_codes (email_digest) {
        email_digest -> Binary,
        code_hash -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.mail_counts (digest) {
        digest -> Binary,
        count -> Integer,
        since -> Timestamptz,
        last_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.provider_organizations (tenant_id) {
        tenant_id -> Uuid,
        issuer -> Text,
        organization -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.provider_identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        user_id -> Uuid,
        tenant_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.access_log (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        at -> Timestamptz,
        caller -> Uuid,
        via -> Text,
        session_id -> Nullable<Uuid>,
        grant_id -> Nullable<Uuid>,
        address -> Nullable<Text>,
        user_agent -> Text,
    }
}

diesel::table! {
    platform_shared.refresh_tokens (digest) {
        digest -> Binary,
        session_id -> Uuid,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    platform_shared.invitations (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        digest -> Binary,
        invited_by -> Nullable<Uuid>,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.api_keys (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        name -> Text,
        prefix -> Text,
        digest -> Binary,
        scopes -> Array<Text>,
        created_by -> Uuid,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.support_grants (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        user_id -> Uuid,
        reason -> Text,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.released_subdomains (subdomain) {
        subdomain -> Text,
        tenant_id -> Uuid,
        released_at -> Timestamptz,
    }
}

diesel::table! {
    platform_shared.revocations (id) {
        id -> BigInt,
        tenant_id -> Nullable<Uuid>,
        subject -> Uuid,
        at_ms -> BigInt,
    }
}

diesel::joinable!(tenant_users -> users (user_id));
diesel::joinable!(tenant_users -> tenants (tenant_id));
diesel::joinable!(api_keys -> tenants (tenant_id));
diesel::joinable!(support_grants -> tenants (tenant_id));
diesel::allow_tables_to_appear_in_same_query!(
    tenant_users,
    users,
    tenants,
    api_keys,
    support_grants
);

// Of the tenant's own schema of webhooks; the others are the platform's.

diesel::table! {
    webhook_endpoints (id) {
        id -> Uuid,
        url -> Text,
        description -> Text,
        event_types -> Array<Text>,
        status -> Text,
        disabled_reason -> Nullable<Text>,
        secret -> Binary,
        previous_secret -> Nullable<Binary>,
        previous_until -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_health (endpoint_id) {
        endpoint_id -> Uuid,
        failing_since -> Timestamptz,
        failed_at -> Timestamptz,
        failures -> Integer,
        not_before -> Timestamptz,
    }
}

diesel::table! {
    webhook_messages (id) {
        id -> Uuid,
        event_type -> Text,
        body -> Text,
        at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Uuid,
        endpoint_id -> Uuid,
        message_id -> Uuid,
        event_type -> Text,
        status -> Text,
        tries -> Integer,
        next_at -> Nullable<Timestamptz>,
        delivered_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_attempts (id) {
        id -> Uuid,
        delivery_id -> Uuid,
        at -> Timestamptz,
        milliseconds -> BigInt,
        status_code -> Nullable<Integer>,
        failure -> Nullable<Text>,
        answer -> Text,
    }
}

diesel::joinable!(webhook_deliveries -> webhook_messages (message_id));
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhook_messages);
