//! How many tenants a database holds.

use averis_test_kit::{Database, Setup, unique_key};
use futures_util::future::join_all;
use serde_json::json;

use crate::tools::{TENANTS, command, count, path, schemas_and_roles};

#[actix_web::test]
async fn a_full_database_takes_no_tenant_and_keeps_nothing_of_it() {
    let mut setup = Setup::on(Database::own(false).await);
    setup.capacity = 2;
    let platform = setup.start(vec![]);
    let keys: Vec<_> = (0..6).map(|_| unique_key("full")).collect();
    let bodies: Vec<_> = keys
        .iter()
        .map(|key| json!({"key": key, "name": "Full"}))
        .collect();
    let all = bodies
        .iter()
        .map(|body| platform.client.post(TENANTS, body));
    let answers = join_all(all).await;
    let mut made = Vec::new();
    for ((key, body), answer) in keys.iter().zip(&bodies).zip(&answers) {
        if answer.status == 201 {
            made.push(answer.id());
            assert_eq!(
                schemas_and_roles(&platform.database, key.as_str()).await,
                (7, 7)
            );
            continue;
        }
        answer.expect_problem(409, "capacity_reached");
        assert_eq!(answer.body["capacity"], 2);
        assert_eq!(
            schemas_and_roles(&platform.database, key.as_str()).await,
            (0, 0)
        );
        let rows = format!("SELECT count(*) FROM platform_shared.tenants WHERE key = '{key}'");
        assert_eq!(count(&platform.database, &rows).await, 0);
        let again = platform.client.post(TENANTS, body).await;
        again.expect_problem(409, "capacity_reached");
    }
    assert_eq!(made.len(), 2);

    // A tenant that is gone makes room for another.
    let leaving = averis_test_kit::TestTenant {
        id: made[0].parse().expect("an id"),
        key: platform
            .client
            .get(&format!("{TENANTS}/{}", made[0]))
            .await
            .body["key"]
            .as_str()
            .expect("a key")
            .parse()
            .expect("a key"),
        client: platform.client.clone(),
    };
    let _ = command(&platform, &leaving, "close").await.expect(200);
    let still_full = json!({"key": unique_key("full"), "name": "Full"});
    let refused = platform.client.post(TENANTS, &still_full).await;
    refused.expect_problem(409, "capacity_reached");
    let _ = command(&platform, &leaving, "purge").await.expect(200);
    let next = platform.tenant("next").await;
    let _ = platform.client.get(&path(&next, "")).await.expect(200);
}
