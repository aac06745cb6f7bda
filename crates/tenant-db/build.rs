//! The migrations are part of this crate's code: a new folder is a change of it.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
