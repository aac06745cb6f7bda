//! The documents that clients are made from change only on purpose.

use std::path::PathBuf;

use serde_json::Value;

fn compare(name: &str, document: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../openapi/{name}.json"));
    let mut text = serde_json::to_string_pretty(document).expect("a document");
    text.push('\n');
    if std::env::var("AVERIS_WRITE_OPENAPI").is_ok() {
        std::fs::write(&path, &text).expect("the file is written");
    }
    let kept = std::fs::read_to_string(&path).expect("the kept document");
    assert!(
        kept == text,
        "openapi/{name}.json is not what the code says: run `make openapi`"
    );
}

#[test]
fn the_kept_documents_are_what_the_code_says() {
    compare("customer", &averis_customer::document());
    compare("ecomm", &averis_ecomm::document());
    compare("erp", &averis_erp::document());
    compare("oms", &averis_oms::document());
    compare("pricing", &averis_pricing::document());
    compare("product", &averis_product::document());
    compare("tenant", &averis_tenant::document());
}

#[test]
fn no_two_services_mean_different_things_by_one_name() {
    let documents = [
        averis_customer::document(),
        averis_ecomm::document(),
        averis_erp::document(),
        averis_oms::document(),
        averis_pricing::document(),
        averis_product::document(),
        averis_tenant::document(),
    ];
    let schemas = documents
        .iter()
        .map(|one| one["components"]["schemas"].as_object().expect("schemas"));
    let mut known: std::collections::BTreeMap<&String, &Value> = std::collections::BTreeMap::new();
    for (name, schema) in schemas.flatten() {
        // Each lists its own codes; the document of all lists all of them.
        let same = known
            .insert(name, schema)
            .is_none_or(|other| other == schema);
        assert!(same || name == "Problem", "{name}");
    }
}
