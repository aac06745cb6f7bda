//! Every operation of a document, asked by every role, in its own tenant, in another's, and in none.
//!
//! What is expected comes from the document (which permission an operation needs) and from the table of permissions (which
//! role has it); what happens, from the running services.

use averis_tenant_context::{GlobalRole, Permission, TenantRole};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Answer, Client};
use crate::document::{Operation, operations};
use crate::platform::{TestPlatform, TestTenant};

/// Who may use an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Needs {
    /// Nobody has to show a credential.
    Nothing,
    /// Any good credential will do.
    Credential,
    /// One of these.
    OneOf(Vec<Permission>),
}

/// Reads what an operation needs; the test fails where the document does not say.
fn needs(operation: &Operation) -> Needs {
    let place = format!("{} {}", operation.method, operation.path);
    let Some(Value::Array(ways)) = operation.description.get("security") else {
        panic!("{place} does not say who may use it");
    };
    let mut permissions = Vec::new();
    for way in ways {
        let Some(scopes) = way.get("token") else {
            assert_eq!(ways.len(), 1, "{place} is open and is not");
            return Needs::Nothing;
        };
        let scopes = scopes.as_array().expect("scopes");
        match scopes.as_slice() {
            [] => return Needs::Credential,
            [one] => {
                let name = one.as_str().expect("a scope");
                permissions.push(name.parse().expect("a permission"));
            }
            _ => panic!("{place} needs several permissions at once"),
        }
    }
    assert!(!permissions.is_empty(), "{place} says nothing");
    Needs::OneOf(permissions)
}

/// Sends an operation with nothing in it: whoever may use it is told what is missing, others that they may not.
async fn ask(client: &Client, operation: &Operation) -> Answer {
    let nothing = Uuid::now_v7().to_string();
    let mut path = operation.path.clone();
    while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
        path.replace_range(from..=to, &nothing);
    }
    Answer::of(client.request(operation.method.clone(), &path)).await
}

fn code(answer: &Answer) -> &str {
    answer.body["code"].as_str().unwrap_or_default()
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403)
}

/// How many requests were made, and how many of them were let in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// All.
    pub requests: usize,
    /// Let in.
    pub admitted: usize,
}

/// Asks every operation of `document` as every role, and fails at the first answer that the tables do not foresee.
pub async fn ask_everything(
    platform: &TestPlatform,
    own: &TestTenant,
    other: &TestTenant,
    document: &Value,
) -> Asked {
    let mut asked = Asked::default();
    let foreign = platform.under(other.key.as_str());
    for operation in operations(document) {
        let needs = needs(&operation);
        let place = format!("{} {}", operation.method, operation.path);
        for client in [&platform.client, &own.client] {
            let answer = ask(&client.anonymous(), &operation).await;
            asked.requests += 1;
            if needs == Needs::Nothing {
                assert_ne!(code(&answer), "unauthenticated", "{place}");
                assert_ne!(answer.status, 403, "{place}");
            } else {
                answer.expect_problem(401, "unauthenticated");
                let challenge = answer.headers["www-authenticate"].to_str();
                assert!(challenge.expect("text").starts_with("Bearer"), "{place}");
            }
        }
        for role in TenantRole::ALL {
            let may = |permission: &Permission| role.permissions().contains(*permission);
            let admitted = match &needs {
                Needs::Nothing | Needs::Credential => true,
                Needs::OneOf(permissions) => permissions.iter().any(may),
            };
            // A token of its own for each request: one of them signs out.
            let token = || platform.token_in(own.id, &[*role]);
            let answer = ask(&own.client.with_token(&token()), &operation).await;
            check(&answer, admitted, &format!("{place} as {role}"));
            let answer = ask(&foreign.with_token(&token()), &operation).await;
            answer.expect_problem(403, "wrong_tenant");
            let outside = !matches!(needs, Needs::OneOf(_));
            let answer = ask(&platform.client.with_token(&token()), &operation).await;
            check(&answer, outside, &format!("{place} as {role} outside"));
            asked.requests += 3;
            asked.admitted += usize::from(admitted) + usize::from(outside);
        }
        asked.admitted += usize::from(ask_as_shopper(platform, own, &foreign, &operation).await);
        asked.requests += 3;
        for role in GlobalRole::ALL {
            let may = |permission: &Permission| role.permissions().contains(*permission);
            let admitted = match &needs {
                Needs::Nothing | Needs::Credential => true,
                Needs::OneOf(permissions) => permissions.iter().any(may),
            };
            let token = || platform.platform_token(&[*role]);
            let answer = ask(&platform.client.with_token(&token()), &operation).await;
            check(&answer, admitted, &format!("{place} as {role}"));
            let answer = ask(&own.client.with_token(&token()), &operation).await;
            answer.expect_problem(403, "grant_required");
            asked.requests += 2;
            asked.admitted += usize::from(admitted);
        }
    }
    asked
}

/// Asks an operation as an anonymous shopper, who reaches the storefront and nothing else. Says whether it was let in.
async fn ask_as_shopper(
    platform: &TestPlatform,
    own: &TestTenant,
    foreign: &Client,
    operation: &Operation,
) -> bool {
    let place = format!("{} {} as a shopper", operation.method, operation.path);
    let token = platform.shopper_token(own.id);
    let inside = ask(&own.client.with_token(&token), operation).await;
    let outside = ask(&platform.client.with_token(&token), operation).await;
    let elsewhere = ask(&foreign.with_token(&token), operation).await;
    elsewhere.expect_problem(403, "wrong_tenant");
    match needs(operation) {
        Needs::OneOf(permissions) => {
            let own = [Permission::StorefrontRead, Permission::StorefrontWrite];
            let admitted = own.iter().any(|one| permissions.contains(one));
            check(&inside, admitted, &place);
            check(&outside, false, &format!("{place} outside"));
            admitted
        }
        // What is open to any caller is; what only a person may is not.
        Needs::Credential => {
            let refused = (inside.status, code(&inside)) == (403, "forbidden");
            assert!(refused || !is_refused(&inside), "{place}: {}", inside.text);
            !refused
        }
        Needs::Nothing => true,
    }
}

#[track_caller]
fn check(answer: &Answer, admitted: bool, place: &str) {
    if admitted {
        // Whoever comes in may still be told that a password or an invitation is no good.
        let own = matches!(code(answer), "sign_in_refused" | "invitation_refused");
        assert!(own || !is_refused(answer), "{place}: {}", answer.text);
    } else {
        assert_eq!(
            (answer.status, code(answer)),
            (403, "forbidden"),
            "{place}: {}",
            answer.text
        );
        let named = answer.body["permission"].as_str().expect("a permission");
        assert!(named.parse::<Permission>().is_ok(), "{place}: {named}");
    }
}

/// Checks that only those operations are open.
pub fn assert_open(document: &Value, open: &[(Method, &str)]) {
    let is_open = |operation: &Operation| needs(operation) == Needs::Nothing;
    let mut found: Vec<String> = operations(document)
        .iter()
        .filter(|operation| is_open(operation))
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    found.sort();
    let mut named: Vec<String> = open
        .iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    named.sort();
    assert_eq!(found, named);
}
