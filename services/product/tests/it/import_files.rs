//! Whole files: real ones, and broken ones.

use std::path::PathBuf;

use averis_test_kit::{Answer, Setup};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::setup::{
    all, assert_counts, ended, import, one_tenant, path, report, start_with, strings, until,
    upload, upload_as,
};

/// The files of shops that come with the project's data, if they are there.
fn shop_file(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/shopify");
    match std::fs::read(folder.join(name)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            #[expect(clippy::print_stdout, reason = "says why nothing was tested")]
            {
                println!("skipped: {name}: {error}");
            }
            None
        }
    }
}

#[actix_web::test]
async fn files_of_real_shops_come_in_whole_and_a_second_time_change_nothing() {
    let platform = crate::setup::platform().await;
    for (name, products, variants, images) in [
        ("apparel.csv", 20, 22, 20),
        ("home-and-garden.csv", 20, 21, 21),
        ("jewelery.csv", 20, 23, 41),
        ("product_template_new_headers.csv", 2, 15, 1),
    ] {
        let Some(file) = shop_file(name) else { return };
        let acme = platform.tenant("acme").await.client;
        let job = import(&acme, file.clone()).await;
        assert_eq!(job["status"], "done", "{name}: {job}");
        assert_eq!(job["counts"]["products_created"], products, "{name}: {job}");
        assert_eq!(job["counts"]["variants_created"], variants, "{name}: {job}");
        assert_eq!(
            job["counts"]["errors"],
            0,
            "{name}: {:?}",
            report(&acme, &job).await
        );
        let list = path("/products?limit=7&expand=variants,media");
        let rows = all(&acme, &list).await;
        assert_eq!(rows.len(), products, "{name}");
        let parts = |field: &str| {
            rows.iter()
                .map(|row| row[field].as_array().map_or(0, Vec::len))
                .sum::<usize>()
        };
        assert_eq!(
            (parts("variants"), parts("media")),
            (variants, images),
            "{name}"
        );
        assert!(rows.iter().all(|row| row["status"] == "draft"), "{name}");
        let again = import(&acme, file).await;
        assert_eq!(
            again["counts"]["products_unchanged"], products,
            "{name}: {again}"
        );
        for none in [
            "products_created",
            "products_updated",
            "products_refused",
            "variants_created",
            "variants_updated",
        ] {
            assert_eq!(again["counts"][none], 0, "{name}: {again}");
        }
        assert_eq!(all(&acme, &list).await, rows, "{name}");
    }
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFEFF]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[actix_web::test]
async fn a_file_that_cannot_be_read_fails_with_its_reason_and_leaves_nothing() {
    let (_platform, acme) = one_tenant().await;
    let good = "Handle,Title\na,A\n";
    let binary: Vec<u8> = (0..50_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80)
        .collect();
    for (file, code) in [
        (Vec::new(), "file_empty"),
        (b"\n\n\n".to_vec(), "file_empty"),
        (utf16(good), "file_utf16"),
        (good.replace(',', ";").into_bytes(), "file_wrong_delimiter"),
        (good.replace(',', "\t").into_bytes(), "file_wrong_delimiter"),
        (b"Name,Price\na,1\n".to_vec(), "file_missing_columns"),
        (b"handle,title\na,A\n".to_vec(), "file_missing_columns"),
        (
            b"Handle,Title,Title\na,A,A\n".to_vec(),
            "file_duplicate_column",
        ),
        (
            b"Handle,Title,Gr\xF6\xDFe\na,A,M\n".to_vec(),
            "file_not_utf8",
        ),
        (b"PK\x03\x04 a spreadsheet".to_vec(), "file_not_csv"),
        (b"\x89PNG\r\n\x1a\n\0\0\0".to_vec(), "file_not_utf8"),
        (b"%PDF-1.7\n".to_vec(), "file_not_csv"),
        (b"{\"products\": []}".to_vec(), "file_not_csv"),
        (b"\"Handle,Title\na,A\n".to_vec(), "file_truncated"),
        (binary, "file_not_utf8"),
        (b"x".repeat(10_000_000), "file_header_too_large"),
    ] {
        let shown = String::from_utf8_lossy(&file[..file.len().min(40)]).into_owned();
        let job = import(&acme, file).await;
        assert_eq!(job["status"], "failed", "{shown:?}: {job}");
        assert_eq!(job["failure"]["code"], code, "{shown:?}: {job}");
        assert!(
            !job["failure"]["detail"]
                .as_str()
                .expect("a text")
                .is_empty()
        );
        assert_counts(&job, &json!({}));
    }
    assert_eq!(all(&acme, &path("/products")).await.len(), 0);
    let header_only = import(&acme, "Handle,Title\n").await;
    assert_eq!(
        (&header_only["status"], &header_only["counts"]["products"]),
        (&json!("done"), &json!(0))
    );
}

#[actix_web::test]
async fn damage_in_a_file_refuses_what_it_touches_and_no_more() {
    let platform = crate::setup::platform().await;
    let first = "Handle,Title,Vendor\nfirst,First,V\n";
    let last = "last,Last,V\n";
    let with = |middle: &[u8]| [first.as_bytes(), middle, last.as_bytes()].concat();
    let huge = [b"huge,Huge,\"", "x".repeat(10_000_000).as_bytes(), b"\"\n"].concat();
    for (file, status, keys, code) in [
        (
            with(b"latin,Gr\xF6\xDFe,V\n"),
            "done",
            vec!["first", "last"],
            "not_utf8",
        ),
        (
            with(b"nul,a\0b,V\n"),
            "done",
            vec!["first", "last"],
            "nul_character",
        ),
        (
            with(b"bell,a\x07b,V\n"),
            "done",
            vec!["first", "last"],
            "control_character",
        ),
        (
            with(b"short,Short\n"),
            "done",
            vec!["first", "last"],
            "field_count",
        ),
        (
            with(b"long,Long,V,more\n"),
            "done",
            vec!["first", "last"],
            "field_count",
        ),
        (
            with(b",No handle,V\n"),
            "done",
            vec!["first", "last"],
            "missing_handle",
        ),
        (
            with(b"a b,Blank in the handle,V\n"),
            "done",
            vec!["first", "last"],
            "handle_invalid",
        ),
        (
            with(&huge),
            "done",
            vec!["first", "last"],
            "record_too_large",
        ),
        (
            with(b"cut,\"Cut off,V\n"),
            "failed",
            vec!["first"],
            "truncated",
        ),
        (
            [first.as_bytes(), b"cut,Cut,V\ncut,,\"off"].concat(),
            "failed",
            vec!["first"],
            "truncated",
        ),
    ] {
        let acme = platform.tenant("acme").await.client;
        let job = import(&acme, file).await;
        assert_eq!(job["status"], status, "{code}: {job}");
        let rows = all(&acme, &path("/products")).await;
        assert_eq!(strings(&rows, "key"), keys, "{code}: {job}");
        let found = report(&acme, &job).await;
        assert!(
            found.iter().any(|(row, name)| name == code && *row >= 3),
            "{code}: {found:?}"
        );
        assert_eq!(job["counts"]["products_refused"], 1, "{code}: {job}");
    }
}

#[actix_web::test]
async fn the_same_file_under_the_same_key_is_one_job_and_another_file_is_refused() {
    let (_platform, acme) = one_tenant().await;
    let file = "Handle,Title\na,A\n";
    let first = upload_as(&acme, "key", file).await.expect(202);
    let second = upload_as(&acme, "key", file).await.expect(202);
    assert_eq!(second.body, first.body);
    assert_eq!(second.headers["location"], first.headers["location"]);
    let other = upload_as(&acme, "key", "Handle,Title\nb,B\n").await;
    other.expect_problem(422, "idempotency_mismatch");
    let parallel = (0..6).map(|_| upload_as(&acme, "parallel", file));
    let answers = futures_util::future::join_all(parallel).await;
    let jobs: std::collections::BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 202)
        .map(Answer::id)
        .collect();
    assert_eq!(jobs.len(), 1);
    ended(&acme, &first.id()).await;
    assert_eq!(all(&acme, &path("/imports")).await.len(), 2);
    let products = all(&acme, &path("/products")).await;
    assert_eq!(strings(&products, "key"), ["a"]);
}

#[actix_web::test]
async fn an_upload_that_breaks_off_leaves_no_job() {
    let (platform, acme) = one_tenant().await;
    let host = platform.tenant("acme").await;
    let mut stream = tokio::net::TcpStream::connect(platform.address)
        .await
        .expect("a connection");
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}.localhost\r\nAuthorization: Bearer {}\r\nContent-Type: text/csv\r\n\
         Idempotency-Key: k\r\nContent-Length: 9000000\r\n\r\nHandle,Title\na,A\n{}",
        path("/imports"),
        host.key,
        host.client.token(),
        "b,B\n".repeat(200_000),
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let client = &host.client;
    let list = path("/imports");
    let begun = until("the upload has begun", async || {
        all(client, &list).await.first().cloned()
    });
    assert_eq!(begun.await["status"], "uploading");
    drop(stream);
    until("the upload is forgotten", async || {
        all(client, &list).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(all(client, &path("/products")).await.len(), 0);
    assert_eq!(all(&acme, &list).await.len(), 0);
}

#[actix_web::test]
async fn a_file_that_is_too_large_is_refused_whether_or_not_it_says_so() {
    let platform = start_with(Setup::new().await, 1_000);
    let acme = platform.tenant("acme").await.client;
    let row = "a,A\n";
    let file = format!("Handle,Title\n{}", row.repeat(246));
    assert!(file.len() <= 1_000);
    upload(&acme, file.clone()).await.expect(202);
    let large = format!("{file}{}", row.repeat(2));
    let answer = upload(&acme, large.clone()).await;
    answer.expect_problem(413, "file_too_large");
    assert_eq!(answer.body["max_bytes"], 1_000);
    let host = platform.tenant("globex").await;
    let mut stream = tokio::net::TcpStream::connect(platform.address)
        .await
        .expect("a connection");
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: {}.localhost\r\nAuthorization: Bearer {}\r\nContent-Type: text/csv\r\n\
         Idempotency-Key: k\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{large}\r\n0\r\n\r\n",
        path("/imports"),
        host.key,
        host.client.token(),
        large.len(),
    );
    stream.write_all(chunked.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("file_too_large"),
        "{answer}"
    );
    assert_eq!(all(&host.client, &path("/imports")).await.len(), 0);
}

#[actix_web::test]
async fn a_tenant_without_the_feature_imports_nothing() {
    let platform = crate::setup::platform().await;
    let tenant = platform.tenant("acme").await;
    let own = format!("/api/tenant/v1/tenants/{}", tenant.id);
    let off = json!({"settings": {"features": {"bulk_import": false}}});
    platform.client.patch(&own, 1, &off).await.expect(200);
    let refused = until("the feature is off", async || {
        let answer = upload(&tenant.client, "Handle,Title\na,A\n").await;
        (answer.status == 403).then_some(answer)
    });
    refused.await.expect_problem(403, "import_not_allowed");
    let jobs: Vec<Value> = all(&tenant.client, &path("/imports")).await;
    let request = tenant
        .client
        .request(Method::GET, &path("/products/export"));
    Answer::of(request).await.expect(200);
    assert!(
        jobs.iter().all(|job| job["status"] != "uploading"),
        "{jobs:?}"
    );
}
