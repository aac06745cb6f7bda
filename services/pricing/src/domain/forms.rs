//! Forms of what several things have.

pub use averis_service_kit::forms::{
    check_sku, check_window, code_form, country_codes, country_form, is_code, is_country,
    optional_code,
};
