//! Who may do what.

use averis_test_kit::{ask_everything, assert_open};

use crate::setup::platform;

#[actix_web::test]
async fn every_operation_lets_in_who_may_and_nobody_else() {
    let platform = platform().await;
    let own = platform.tenant("own").await;
    let other = platform.tenant("other").await;
    let document = averis_product::document();
    assert_open(&document, &[]);
    let asked = ask_everything(&platform, &own, &other, &document).await;
    eprintln!("{} requests, {} let in", asked.requests, asked.admitted);
    assert!(asked.requests > 3_000 && asked.admitted > 500, "{asked:?}");
}
