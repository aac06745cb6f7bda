//! More buyers than there are goods.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::setup::{Platform, agreed, buy, cart, total};

/// How many there are, and how many want one. `AVERIS_STRESS` is the long form.
#[expect(
    clippy::disallowed_methods,
    reason = "the form of the test, not of the service"
)]
fn size() -> (i64, usize) {
    if std::env::var("AVERIS_STRESS").is_ok_and(|form| form == "long") {
        (200, 500)
    } else {
        (20, 50)
    }
}

#[actix_web::test]
async fn stress_e2_of_what_is_there_exactly_so_much_is_sold() {
    let (stock, buyers) = size();
    let platform = Platform::start().await;
    let shop = platform.shop("acme", stock).await;
    let outcomes: Vec<(u16, String)> = stream::iter(0..buyers)
        .map(async |_| {
            let shopper = platform.shopper(&shop);
            let id = cart(&shopper, &[("LAMP", 1)]).await;
            let agree = agreed(&total(&shopper, &id).await, Some("pm_ok"));
            let answer = buy(&shopper, &id, &agree).await;
            let code = answer.body["code"].as_str().unwrap_or_default();
            (answer.status, code.to_owned())
        })
        .buffer_unordered(32)
        .collect()
        .await;
    let bought = outcomes.iter().filter(|(status, _)| *status == 200).count();
    let rest = outcomes.iter().filter(|(status, _)| *status != 200);
    for (status, code) in rest {
        assert_eq!((*status, code.as_str()), (409, "out_of_stock"));
    }
    assert_eq!(i64::try_from(bought).expect("a count"), stock);
    assert_eq!(shop.level("LAMP").await, (stock, stock));
    let authorised = platform.provider.payments();
    let live = authorised
        .iter()
        .filter(|one| one.status == "requires_capture");
    assert_eq!(live.count(), bought);
    eprintln!("{buyers} buyers of {stock}: {bought} orders");
}
