#!/bin/sh
# Builds all programs for release and lays out what goes into their images.
#   sh deploy/image/build.sh OUT
#     OUT/bin/    the programs, without what only debuggers read
#     OUT/root/   what all of them need: the C library, certificate authorities, a user
#     OUT/mounts/ the folders in which the command line's image has something mounted
set -eu
out=$1
target=${CARGO_TARGET_DIR:-target}
# What was copied may be older than what was built in its place.
find crates services migrations -type f -exec touch {} +
cargo build --locked --release --workspace --bins
mkdir -p "$out/bin" "$out/root/etc/ssl/certs" "$out/root/tmp" "$out/mounts/state" "$out/mounts/run/averis"
for program in averis averis-customer averis-ecomm averis-erp averis-oms averis-pricing averis-product averis-tenant; do
    strip --strip-all -o "$out/bin/$program" "$target/release/$program"
    # Each library, where the program looks for it.
    ldd "$out/bin/$program" | sed -n 's/^[^/]*\(\/[^ ]*\) (.*$/\1/p' | while read -r library; do
        mkdir -p "$out/root$(dirname "$library")"
        cp -L "$library" "$out/root$library"
    done
done
cp -L /etc/ssl/certs/ca-certificates.crt "$out/root/etc/ssl/certs/"
echo 'averis:x:65532:65532:averis:/tmp:/nowhere' >"$out/root/etc/passwd"
echo 'averis:x:65532:' >"$out/root/etc/group"
chmod 1777 "$out/root/tmp"
