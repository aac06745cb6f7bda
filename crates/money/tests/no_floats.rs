//! Money never passes through binary floating point: no source file of this
//! crate names such a type. (`clippy::float_arithmetic` forbids the rest.)

#[test]
fn no_source_file_names_a_floating_point_type() {
    // Put together here so that this file would pass its own test.
    let tokens = ["32", "64"].map(|bits| format!("f{bits}"));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                for token in &tokens {
                    assert!(
                        !source.contains(token),
                        "{} contains {token}",
                        path.display()
                    );
                }
                files += 1;
            }
        }
    }
    assert!(files >= 8, "only {files} files were read");
}
