#!/bin/sh
# Makes what docker-compose.multi-tenant.yml needs beside it, where it is missing: the database's password, and a certificate.
#   sh scripts/compose-secrets.sh [FOLDER]       FOLDER: .averis/compose unless given
set -eu
folder=${1:-.averis/compose}
mkdir -p "$folder"
chmod 700 "$folder"
if [ ! -s "$folder/postgres_password" ]; then
    openssl rand -hex 24 | tr -d '\n' >"$folder/postgres_password"
fi
printf 'postgres://postgres:%s@postgres:5432/averis?sslmode=disable' "$(cat "$folder/postgres_password")" >"$folder/admin_url"
if [ ! -s "$folder/grafana_password" ]; then
    openssl rand -hex 12 | tr -d '\n' >"$folder/grafana_password"
fi
sh "$(dirname "$0")/local-ca.sh" "$folder/tls" averis.localhost
# Read inside containers by users of other numbers; the folder itself is closed.
chmod 644 "$folder/postgres_password" "$folder/admin_url" "$folder/grafana_password" "$folder/tls/tls.key" "$folder/tls/tls.crt"
chmod 755 "$folder/tls"
echo "$folder: what docker-compose.multi-tenant.yml needs"
