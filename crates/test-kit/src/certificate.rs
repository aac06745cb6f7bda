//! Certificates of an authority that is made for them.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::edge::root;

/// Makes `ca.crt`, `tls.crt` and `tls.key` in that folder, for a domain and all directly below it.
pub async fn certificate(folder: &Path, domain: &str) {
    let made = Command::new("sh")
        .arg(root().join("scripts/local-ca.sh"))
        .arg(folder)
        .arg(domain)
        .stdout(Stdio::null())
        .status();
    assert!(made.await.expect("a shell").success(), "no certificate");
}
