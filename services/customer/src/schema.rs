//! Tables of a tenant's customer schema. Unqualified: the bound connection's path says whose they are.

diesel::table! {
    customer_numbers (only_row) {
        only_row -> Bool,
        last -> BigInt,
    }
}

diesel::table! {
    customers (id) {
        id -> Uuid,
        number -> BigInt,
        disclosure -> Text,
        status -> Text,
        email -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamptz>,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        phone -> Nullable<Text>,
        locale -> Nullable<Text>,
        segments -> Array<Text>,
        merged_into -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        entered_by_staff -> Bool,
        identity_issuer -> Nullable<Text>,
        identity_subject -> Nullable<Text>,
    }
}

diesel::table! {
    visitors (id) {
        id -> Uuid,
        customer_id -> Nullable<Uuid>,
        proven -> Bool,
        first_seen -> Timestamptz,
        last_seen -> Timestamptz,
        telemetry -> Bool,
    }
}

diesel::table! {
    visitor_events (id) {
        id -> Uuid,
        visitor_id -> Uuid,
        customer_id -> Nullable<Uuid>,
        kind -> Text,
        subject -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    addresses (id) {
        id -> Uuid,
        customer_id -> Uuid,
        name -> Text,
        lines -> Array<Text>,
        city -> Text,
        region -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        country -> Text,
        is_shipping -> Bool,
        is_billing -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        validated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    consents (id) {
        id -> Uuid,
        customer_id -> Uuid,
        purpose -> Text,
        granted -> Bool,
        text_version -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    verifications (id) {
        id -> Uuid,
        visitor_id -> Uuid,
        email -> Text,
        code_digest -> Binary,
        attempts -> SmallInt,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        purpose -> Text,
        sender -> Nullable<Binary>,
    }
}

diesel::table! {
    merges (from_id) {
        from_id -> Uuid,
        into_id -> Uuid,
        visitor_id -> Nullable<Uuid>,
        at -> Timestamptz,
        merged_by -> Nullable<Uuid>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    erasures (customer_id) {
        customer_id -> Uuid,
        requested_by -> Uuid,
        reason -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    companies (id) {
        id -> Uuid,
        name -> Text,
        registration_number -> Nullable<Text>,
        status -> Text,
        segment -> Nullable<Text>,
        payment_days -> Integer,
        credit_limit -> Nullable<BigInt>,
        credit_currency -> Nullable<Text>,
        credit_used -> BigInt,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        parent_id -> Nullable<Uuid>,
        tax_ids -> Jsonb,
    }
}

diesel::table! {
    company_members (company_id, customer_id) {
        company_id -> Uuid,
        customer_id -> Uuid,
        roles -> Array<Text>,
        spend_limit -> Nullable<BigInt>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        spend_currency -> Nullable<Text>,
    }
}

diesel::table! {
    credit_holds (checkout_id) {
        checkout_id -> Uuid,
        company_id -> Nullable<Uuid>,
        amount -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        state -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        settled -> BigInt,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    credit_settlements (checkout_id, reference) {
        checkout_id -> Uuid,
        reference -> Text,
        amount -> BigInt,
        at -> Timestamptz,
    }
}

diesel::table! {
    company_locations (id) {
        id -> Uuid,
        company_id -> Uuid,
        name -> Text,
        address -> Jsonb,
        catalog -> Nullable<Text>,
        exemption_certificate -> Nullable<Text>,
        exemption_from -> Nullable<Date>,
        exemption_until -> Nullable<Date>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    approval_rules (id) {
        id -> Uuid,
        company_id -> Uuid,
        min_amount -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        category_id -> Nullable<Uuid>,
        approver_role -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    approvals (id) {
        id -> Uuid,
        company_id -> Uuid,
        buyer_id -> Uuid,
        order_hash -> Text,
        amount -> BigInt,
        currency -> Text,
        status -> Text,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        comment -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        rule_ids -> Array<Uuid>,
        approver_role -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (key_hash) {
        key_hash -> Binary,
        body -> Binary,
    }
}
