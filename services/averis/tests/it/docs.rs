//! The documents name only files and make targets that exist: what nothing checks goes stale.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How a text begins that means a path of the repository.
const FOLDERS: [&str; 10] = [
    "crates/",
    "services/",
    "migrations/",
    "deploy/",
    "docs/",
    "k8s/",
    "scripts/",
    "bench/",
    ".ci/",
    "openapi/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Lists a folder; one that is not there is empty.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Reads every document, with its path.
fn documents() -> Vec<(PathBuf, String)> {
    let root = root();
    let folders = ["", "docs", "docs/operations", "bench"];
    let mut folders: Vec<PathBuf> = folders.map(|folder| root.join(folder)).into();
    folders.extend(entries(&root.join("crates")));
    folders.extend(entries(&root.join("services")));
    let mut documents = Vec::new();
    for file in folders.iter().flat_map(|folder| entries(folder)) {
        if file.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            documents.push((file, text));
        }
    }
    documents
}

/// What a document says between back-quotes, and the lines of its code blocks.
#[derive(Default)]
struct Said {
    quoted: Vec<String>,
    code: Vec<String>,
}

fn said(text: &str) -> Said {
    let mut said = Said::default();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            said.code.push(line.trim().to_owned());
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            said.quoted.extend(quoted.map(str::to_owned));
        }
    }
    said
}

/// Whether the text means one path, not a pattern for many.
fn is_path(text: &str) -> bool {
    FOLDERS.iter().any(|folder| text.starts_with(folder))
        && !text.contains(['{', '<', '*', '$', ' ', ':'])
        && !text.contains("..")
}

/// Returns the targets of a make command.
fn targets(command: &str) -> Vec<&str> {
    let Some(words) = command.strip_prefix("make ") else {
        return Vec::new();
    };
    words
        .split_whitespace()
        .take_while(|word| !word.starts_with('#'))
        .filter(|word| !word.starts_with('-') && !word.contains(['=', '{', '<']))
        .collect()
}

/// Returns the targets that the Makefile has rules for.
fn rules() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("Makefile")).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(['\t', '.', '#']));
    let heads = lines.filter_map(|line| line.split_once(':'));
    let heads = heads.filter(|(_, rest)| !rest.starts_with('='));
    heads
        .flat_map(|(names, _)| names.split_whitespace())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_path_in_the_documents_exists() {
    let root = root();
    let mut checked = 0;
    let mut missing = Vec::new();
    for (file, text) in documents() {
        for path in said(&text).quoted.iter().filter(|text| is_path(text)) {
            checked += 1;
            if !root.join(path).exists() {
                missing.push(format!("{} names {path}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(
        checked > 20,
        "only {checked} paths were found in the documents"
    );
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let mut missing = Vec::new();
    for (file, text) in documents() {
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        for (link, _) in links {
            let path = link.split('#').next().unwrap_or_default();
            let here = !path.is_empty() && !path.contains("://");
            if here
                && !file
                    .parent()
                    .is_some_and(|folder| folder.join(path).exists())
            {
                missing.push(format!("{} links to {link}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_make_target_in_the_documents_exists() {
    let rules = rules();
    let mut checked = 0;
    let mut missing = Vec::new();
    for (file, text) in documents() {
        let Said { quoted, code } = said(&text);
        for command in quoted.iter().chain(&code) {
            for target in targets(command) {
                checked += 1;
                if !rules.contains(target) {
                    missing.push(format!("{} says make {target}", file.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(
        checked > 3,
        "only {checked} make targets were found in the documents"
    );
}

/// Names of the tests that a file of code has.
fn tests_in(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("test(");
            continue;
        }
        let line = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.extend(rest.split(['(', '<']).next().map(str::to_owned));
        }
        is_test &= line.is_empty() || line.starts_with("//");
    }
    names
}

fn code_in(folder: &Path, found: &mut Vec<String>) {
    for path in entries(folder) {
        if path.is_dir() {
            code_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).expect("code"));
        }
    }
}

#[test]
fn every_rule_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/invariants.md")).expect("the rules");
    let mut code = Vec::new();
    for folder in ["crates", "services"] {
        code_in(&root().join(folder), &mut code);
    }
    let tests: BTreeSet<String> = code.iter().flat_map(|code| tests_in(code)).collect();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<&str> = rows.filter(|row| !row.contains("| tests |")).collect();
    for row in &rows {
        let named: Vec<String> = said(row).quoted;
        assert!(!named.is_empty(), "no test stands for {row}");
        for name in named {
            assert!(tests.contains(&name), "there is no test {name}");
        }
    }
    for (letter, last) in [('M', 7), ('C', 8), ('O', 9), ('E', 9)] {
        for number in 1..=last {
            let rule = format!("| {letter}{number} ");
            let of = rows.iter().filter(|row| row.starts_with(&rule)).count();
            assert_eq!(of, 1, "{rule}");
        }
    }
}
