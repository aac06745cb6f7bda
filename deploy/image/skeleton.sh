#!/bin/sh
# Copies the manifests of a workspace with nothing in the places of the code, so that the libraries can be built before it is there.
#   sh deploy/image/skeleton.sh FROM TO
set -eu
from=$1 to=$2
mkdir -p "$to"
cp "$from/Cargo.toml" "$from/Cargo.lock" "$from/rust-toolchain.toml" "$to/"
for manifest in "$from"/crates/*/Cargo.toml "$from"/services/*/Cargo.toml; do
    crate=${manifest#"$from"/}
    crate=$to/${crate%/Cargo.toml}
    mkdir -p "$crate/src"
    cp "$manifest" "$crate/"
    : >"$crate/src/lib.rs"
    echo 'fn main() {}' >"$crate/src/main.rs"
done
# A crate whose library is called as its program is has only the one.
rm "$to/services/averis/src/lib.rs"
for library in "$to"/crates/*/src; do
    rm "$library/main.rs"
done
