//! Stewardship: sections, approvals, launches and their revisions.

use averis_tenant_context::TenantRole;
use averis_test_kit::{Client, Setup, TestPlatform, TestTenant, colleague_of};
use reqwest::Method;
use serde_json::{Value, json};

use crate::setup::{
    SECTIONS, all, approve, command, import, one_tenant, path, product_path, section_command,
    sellable, start, strings,
};

pub fn nothing() -> Value {
    json!({})
}

/// Defines an attribute of a section, named like it.
pub async fn define(client: &Client, code: &str, section: &str, more: Value) {
    let mut body = json!({"code": code, "label": code, "type": "text", "section": section});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let made = client.post(&path("/attribute-definitions"), &body).await;
    let _ = made.expect(201);
}

pub async fn put(
    client: &Client,
    id: &str,
    section: &str,
    values: Value,
) -> averis_test_kit::Answer {
    let address = product_path(id);
    let version = client.get(&address).await.expect(200).version();
    let request = client
        .request(Method::PUT, &format!("{address}/sections/{section}"))
        .header("if-match", format!("\"{version}\""))
        .json(&json!({"attributes": values}));
    averis_test_kit::Answer::of(request).await
}

async fn statuses(client: &Client, id: &str) -> Vec<String> {
    let sections = format!("{}/sections", product_path(id));
    let sections = client.get(&sections).await.expect(200);
    let sections = sections.body["data"].as_array().expect("sections").clone();
    assert_eq!(strings(&sections, "section"), SECTIONS);
    strings(&sections, "status")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

pub async fn launch(client: &Client, id: &str) -> averis_test_kit::Answer {
    let address = product_path(id);
    let version = client.get(&address).await.expect(200).version();
    let launch = format!("{address}/launch");
    client.command(&launch, version, &nothing()).await
}

#[actix_web::test]
async fn p1_approval_survives_an_edit_is_a_bug_of_others() {
    let (_platform, acme) = one_tenant().await;
    define(&acme, "eccn", "legal", nothing()).await;
    let id = sellable(&acme, "lamp").await.id();
    approve(&acme, &id).await;
    assert_eq!(statuses(&acme, &id).await, ["approved"; 5]);
    let _ = put(&acme, &id, "legal", json!({"eccn": "EAR99"}))
        .await
        .expect(200);
    let stale = launch(&acme, &id).await;
    stale.expect_problem(409, "approval_stale");
    assert_eq!(stale.body["sections"], json!(["legal"]));
    let product = acme.get(&product_path(&id)).await.expect(200);
    assert_eq!(product.body["status"], "draft");
    assert_eq!(product.body["launched_rev"], Value::Null);
    // Approved again, it is launched, and each section of the revision is what was approved.
    command(&acme, &id, "launch").await;
    let revisions = all(&acme, &format!("{}/revisions", product_path(&id))).await;
    assert_eq!(revisions.len(), 1);
    let document = &revisions[0]["document"];
    assert_eq!(document["legal"], json!({"attributes": {"eccn": "EAR99"}}));
    let sections = format!("{}/sections", product_path(&id));
    for section in acme.get(&sections).await.expect(200).body["data"]
        .as_array()
        .expect("sections")
    {
        let name = section["section"].as_str().expect("a name");
        assert_eq!(section["content"], document[name], "{name}");
        assert_eq!(section["stale"], false, "{name}");
    }
}

#[actix_web::test]
async fn p1_no_value_comes_into_a_section_by_moving_its_definition() {
    let (_platform, acme) = one_tenant().await;
    define(&acme, "cost", "finance", nothing()).await;
    define(&acme, "free", "finance", nothing()).await;
    let id = sellable(&acme, "lamp").await.id();
    let values = json!({"cost": "5"});
    let _ = put(&acme, &id, "finance", values).await.expect(200);
    let definitions = all(&acme, &path("/attribute-definitions")).await;
    let own = |code: &str| {
        let one = definitions.iter().find(|one| one["code"] == code);
        let id = one.expect("a definition")["id"].as_str().expect("an id");
        path(&format!("/attribute-definitions/{id}"))
    };
    let marketing = json!({"section": "marketing"});
    let refused = acme.patch(&own("cost"), 1, &marketing).await;
    refused.expect_problem(409, "attribute_in_use");
    let same = acme
        .patch(&own("cost"), 1, &json!({"section": "finance"}))
        .await;
    let _ = same.expect(200);
    let moved = acme.patch(&own("free"), 1, &marketing).await.expect(200);
    assert_eq!(moved.body["section"], "marketing");
    // Nor can a product speak of so many languages that telling how complete it is takes all there is.
    let title = json!({"localizable": true});
    define(&acme, "title", "marketing", title).await;
    let letters = || "abcdefghijklmnopqrstuvwxyz".chars();
    let names = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}")));
    let many: serde_json::Map<String, Value> = names.map(|name| (name, json!("x"))).collect();
    let endless = put(&acme, &id, "marketing", json!({"title": many})).await;
    endless.expect_problem(422, "invalid");
    assert_eq!(endless.body["errors"][0]["code"], "too_many");
}

#[actix_web::test]
async fn p2_an_edit_resets_exactly_the_section_that_owns_it() {
    let (_platform, acme) = one_tenant().await;
    for section in SECTIONS {
        define(&acme, &format!("of_{section}"), section, nothing()).await;
    }
    let id = sellable(&acme, "lamp").await.id();
    let address = product_path(&id);
    let variants = format!("{address}/variants");
    let media = format!("{address}/media");
    let mut expected = Vec::new();
    for (place, section) in SECTIONS.iter().enumerate() {
        approve(&acme, &id).await;
        let code = format!("of_{section}");
        let edited = put(&acme, &id, section, json!({code: "x"}))
            .await
            .expect(200);
        assert_eq!(edited.body["status"], "open");
        expected = vec!["approved"; 5];
        expected[place] = "open";
        assert_eq!(statuses(&acme, &id).await, expected, "{section}");
        // The same again is no edit.
        let code = format!("of_{section}");
        let version = edited.version();
        let again = put(&acme, &id, section, json!({code: "x"}))
            .await
            .expect(200);
        assert_eq!(again.version(), version);
    }
    assert_eq!(expected.len(), 5);
    // What the product itself says: text and pictures are marketing's, variants and kind are sales operations'.
    type Edit<'a> = (&'a str, usize);
    let edits: [Edit<'_>; 4] = [("name", 0), ("kind", 3), ("media", 0), ("variant", 3)];
    for (edit, place) in edits {
        approve(&acme, &id).await;
        let version = acme.get(&address).await.expect(200).version();
        let _ = match edit {
            "name" => acme
                .patch(&address, version, &json!({"name": "Other"}))
                .await
                .expect(200),
            "kind" => acme
                .patch(&address, version, &json!({"kind": "service"}))
                .await
                .expect(200),
            "media" => {
                let body = json!({"url": "https://x.example/1.jpg"});
                acme.post(&media, &body).await.expect(201)
            }
            _ => {
                let variant = all(&acme, &variants).await[0]["id"].clone();
                let variant = format!("{variants}/{}", variant.as_str().expect("an id"));
                acme.patch(&variant, 1, &json!({"position": 7}))
                    .await
                    .expect(200)
            }
        };
        let mut expected = vec!["approved"; 5];
        expected[place] = "open";
        assert_eq!(statuses(&acme, &id).await, expected, "{edit}");
    }
}

#[actix_web::test]
async fn p3_nobody_approves_or_launches_by_what_a_body_says() {
    let (_platform, acme) = one_tenant().await;
    let id = sellable(&acme, "lamp").await.id();
    let address = product_path(&id);
    for (name, value) in [
        ("sections", json!({"legal": {"status": "approved"}})),
        ("approved_by", json!("me")),
        ("launched_rev", json!(1)),
        ("working_rev", json!(1)),
    ] {
        let patch = json!({ name: value });
        acme.patch(&address, 1, &patch)
            .await
            .expect_problem(400, "unknown_field");
    }
    let submitted = section_command(&acme, &id, "legal", "submit", &nothing()).await;
    let _ = submitted.expect(200);
    let colleague = colleague_of(&acme);
    for name in ["approved_by", "approved_hash", "status", "hash"] {
        let body = json!({ name: "x" });
        let forged = section_command(&colleague, &id, "legal", "approve", &body).await;
        forged.expect_problem(400, "unknown_field");
    }
    let fine = json!({"comment": "Fine."});
    let approved = section_command(&colleague, &id, "legal", "approve", &fine);
    let approved = approved.await.expect(200);
    // Who it was comes from the credential.
    let submitter = approved.body["submitted_by"].clone();
    assert_ne!(approved.body["approved_by"], submitter);
    assert_eq!(approved.body["comment"], "Fine.");
}

async fn set_four_eyes(platform: &TestPlatform, tenant: &TestTenant, on: bool) {
    let own = format!("/api/tenant/v1/tenants/{}", tenant.id);
    let version = platform.client.get(&own).await.expect(200).version();
    let body = json!({"settings": {"stewardship": {"four_eyes": on}}});
    let _ = platform
        .client
        .patch(&own, version, &body)
        .await
        .expect(200);
}

#[actix_web::test]
async fn p4_who_edited_a_section_last_does_not_approve_it() {
    let platform = start(Setup::new().await);
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    let colleague = colleague_of(acme);
    let id = sellable(acme, "lamp").await.id();
    let _ = section_command(&colleague, &id, "marketing", "submit", &nothing())
        .await
        .expect(200);
    let own = section_command(acme, &id, "marketing", "approve", &nothing()).await;
    own.expect_problem(409, "four_eyes");
    assert_eq!(own.body["section"], "marketing");
    let _ = section_command(&colleague, &id, "marketing", "approve", &nothing())
        .await
        .expect(200);
    // Whoever changes nothing has not edited it: that does not let the editor approve.
    let variants = format!("{}/variants", product_path(&id));
    let variant = all(acme, &variants).await[0].clone();
    let same = json!({"position": variant["position"]});
    let variant = format!("{variants}/{}", variant["id"].as_str().expect("an id"));
    let _ = colleague.patch(&variant, 1, &same).await.expect(200);
    let _ = section_command(&colleague, &id, "salesops", "submit", &nothing())
        .await
        .expect(200);
    let own = section_command(acme, &id, "salesops", "approve", &nothing()).await;
    own.expect_problem(409, "four_eyes");
    // The policy is the tenant's.
    set_four_eyes(&platform, &tenant, false).await;
    crate::setup::until("the policy is known", async || {
        let own = section_command(acme, &id, "salesops", "approve", &nothing()).await;
        (own.status == 200).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn each_section_is_written_and_approved_by_its_own_people() {
    let platform = start(Setup::new().await);
    let tenant = platform.tenant("acme").await;
    let acme = &tenant.client;
    for section in SECTIONS {
        define(acme, &format!("of_{section}"), section, nothing()).await;
    }
    let id = sellable(acme, "lamp").await.id();
    let of = |role: TenantRole| acme.with_token(&platform.token_in(tenant.id, &[role]));
    let stewards = [
        (
            TenantRole::ProductMarketing,
            TenantRole::ProductMarketingApprove,
        ),
        (TenantRole::ProductLegal, TenantRole::ProductLegalApprove),
        (
            TenantRole::ProductFinance,
            TenantRole::ProductFinanceApprove,
        ),
        (
            TenantRole::ProductSalesops,
            TenantRole::ProductSalesopsApprove,
        ),
        (
            TenantRole::ProductContracts,
            TenantRole::ProductContractsApprove,
        ),
    ];
    for (own, (steward, approver)) in SECTIONS.iter().zip(stewards) {
        let (steward, approver) = (of(steward), of(approver));
        for section in SECTIONS {
            let code = format!("of_{section}");
            let written = put(&steward, &id, section, json!({code: own})).await;
            let approved = section_command(&approver, &id, section, "approve", &nothing()).await;
            if section == *own {
                let _ = written.expect(200);
                approved.expect_problem(409, "section_state");
            } else {
                written.expect_problem(403, "forbidden");
                let permission = format!("product_{section}:write");
                assert_eq!(written.body["permission"], json!(permission));
                approved.expect_problem(403, "forbidden");
            }
        }
        // Nor by another way: values of other sections are refused in a patch too.
        let submitted = section_command(&steward, &id, own, "submit", &nothing()).await;
        let _ = submitted.expect(200);
        let by_steward = section_command(&steward, &id, own, "approve", &nothing()).await;
        by_steward.expect_problem(403, "forbidden");
        let _ = section_command(&approver, &id, own, "approve", &nothing())
            .await
            .expect(200);
    }
    assert_eq!(statuses(acme, &id).await, ["approved"; 5]);
    let marketing = of(TenantRole::ProductMarketing);
    let address = product_path(&id);
    let version = acme.get(&address).await.expect(200).version();
    let values = json!({"attributes": {"of_finance": "cheap"}});
    let patched = marketing.patch(&address, version, &values).await;
    patched.expect_problem(403, "forbidden");
    assert_eq!(patched.body["permission"], "product_finance:write");
    let removed = json!({"attributes": {"of_finance": null}});
    let removed = marketing.patch(&address, version, &removed).await;
    removed.expect_problem(403, "forbidden");
    let drafted = json!({"key": "k", "name": "n", "attributes": {"of_legal": "x"}});
    let drafted = marketing.post(&path("/products"), &drafted).await;
    drafted.expect_problem(403, "forbidden");
    // A machine that may write products writes what they say themselves, and no section's values.
    let machine = json!({"name": "Feed", "scopes": ["product:read", "product:write"]});
    let machine = acme
        .post("/api/tenant/v1/api-keys", &machine)
        .await
        .expect(201);
    let machine = acme.with_token(machine.body["key"].as_str().expect("a key"));
    let values = json!({"attributes": {"of_marketing": "x"}});
    let version = acme.get(&address).await.expect(200).version();
    let refused = machine.patch(&address, version, &values).await;
    refused.expect_problem(403, "forbidden");
    let renamed = machine
        .patch(&address, version, &json!({"name": "Lantern"}))
        .await;
    let _ = renamed.expect(200);
    let expected = ["open", "approved", "approved", "approved", "approved"];
    assert_eq!(statuses(acme, &id).await, expected);
    approve(acme, &id).await;
    let launcher = of(TenantRole::ProductLaunch);
    let _ = launch(&launcher, &id).await.expect(200);
}

#[actix_web::test]
async fn a_rejected_section_is_open_and_says_why() {
    let (_platform, acme) = one_tenant().await;
    let id = sellable(&acme, "lamp").await.id();
    let colleague = colleague_of(&acme);
    let reject = json!({"comment": "The licence is missing."});
    let early = section_command(&colleague, &id, "legal", "reject", &reject).await;
    early.expect_problem(409, "section_state");
    assert_eq!(early.body["current_status"], "open");
    let _ = section_command(&acme, &id, "legal", "submit", &nothing())
        .await
        .expect(200);
    let silent = section_command(&colleague, &id, "legal", "reject", &nothing()).await;
    silent.expect_problem(400, "malformed_body");
    let rejected = section_command(&colleague, &id, "legal", "reject", &reject)
        .await
        .expect(200);
    assert_eq!(rejected.body["status"], "open");
    assert_eq!(rejected.body["comment"], "The licence is missing.");
    assert_eq!(rejected.body["submitted_by"], Value::Null);
    let none = section_command(&acme, &id, "style", "submit", &nothing()).await;
    none.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn what_is_required_is_asked_for_by_section_channel_and_language() {
    let (_platform, acme) = one_tenant().await;
    define(&acme, "eccn", "legal", json!({"required": true})).await;
    define(
        &acme,
        "title",
        "marketing",
        json!({"required": true, "localizable": true}),
    )
    .await;
    let teaser = json!({"required": true, "localizable": true, "scopable": true});
    define(&acme, "teaser", "marketing", teaser).await;
    let id = sellable(&acme, "lamp").await.id();
    let missing = section_command(&acme, &id, "legal", "submit", &nothing()).await;
    missing.expect_problem(422, "invalid");
    assert_eq!(missing.body["errors"][0]["pointer"], "/attributes/eccn");
    let elsewhere = put(&acme, &id, "marketing", json!({"eccn": "EAR99"})).await;
    elsewhere.expect_problem(422, "invalid");
    assert_eq!(elsewhere.body["errors"][0]["code"], "other_section");
    let _ = put(&acme, &id, "legal", json!({"eccn": "EAR99"}))
        .await
        .expect(200);
    for wrong in [json!("Lamp"), json!({"english": "Lamp"}), json!({})] {
        let wrong = put(&acme, &id, "marketing", json!({"title": wrong})).await;
        wrong.expect_problem(422, "invalid");
    }
    let values = json!({"title": {"en_US": "Lamp", "de_DE": "Lampe"}, "teaser": {"web": {"en_US": "Bright"}}});
    let _ = put(&acme, &id, "marketing", values).await.expect(200);
    let parts = all(&acme, &format!("{}/completeness", product_path(&id))).await;
    let told: Vec<Value> = parts
        .iter()
        .map(|part| {
            json!([
                part["channel"],
                part["locale"],
                part["filled"],
                part["missing"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["web", "de_DE", 3, ["teaser"]]),
            json!(["web", "en_US", 4, []])
        ]
    );
    let missing = section_command(&acme, &id, "marketing", "submit", &nothing()).await;
    missing.expect_problem(422, "invalid");
    let values = json!({"title": {"en_US": "Lamp", "de_DE": "Lampe"},
                        "teaser": {"web": {"en_US": "Bright", "de_DE": "Hell"}}});
    let _ = put(&acme, &id, "marketing", values).await.expect(200);
    command(&acme, &id, "launch").await;
}

#[actix_web::test]
async fn an_import_puts_values_into_sections_and_approves_nothing() {
    let (_platform, acme) = one_tenant().await;
    let _ = import(
        &acme,
        "Handle,Title,Body (HTML),Variant SKU\nlamp,Lamp,Bright,L-1\n",
    )
    .await;
    let found = acme.get(&path("/products/key=lamp")).await.expect(200);
    let id = found.id();
    assert_eq!(statuses(&acme, &id).await, ["open"; 5]);
    // Whoever imported it has edited it.
    let _ = section_command(&acme, &id, "marketing", "submit", &nothing())
        .await
        .expect(200);
    let own = section_command(&acme, &id, "marketing", "approve", &nothing()).await;
    own.expect_problem(409, "four_eyes");
    command(&acme, &id, "launch").await;
    let _ = import(
        &acme,
        "Handle,Title,Body (HTML),Variant SKU\nlamp,Lamp,Bright,L-1\n",
    )
    .await;
    assert_eq!(statuses(&acme, &id).await, ["approved"; 5]);
    let _ = import(
        &acme,
        "Handle,Title,Body (HTML),Variant SKU\nlamp,Lantern,Bright,L-1\n",
    )
    .await;
    let expected = ["open", "approved", "approved", "approved", "approved"];
    assert_eq!(statuses(&acme, &id).await, expected);
    let product = acme.get(&product_path(&id)).await.expect(200);
    assert_eq!(product.body["status"], "active");
    assert_ne!(product.body["launched_rev"], product.body["working_rev"]);
}
