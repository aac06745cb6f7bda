#!/bin/sh
# Makes a certificate for a domain and all directly below it, of a certificate authority of one's own: for this machine, and for tests.
#   sh scripts/local-ca.sh FOLDER DOMAIN
# FOLDER gets ca.crt (let clients trust it), ca.key, tls.crt and tls.key. What is there already and still good is kept.
set -eu
folder=$1 domain=$2
mkdir -p "$folder"
cd "$folder"
umask 077
if ! openssl x509 -in ca.crt -noout -checkend 2592000 >/dev/null 2>&1; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -sha256 -keyout ca.key -out ca.crt \
        -subj "/CN=Averis local CA" -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
    rm -f tls.crt
fi
good() {
    openssl x509 -in tls.crt -noout -checkend 604800 >/dev/null 2>&1 &&
        openssl x509 -in tls.crt -noout -checkhost "x.$domain" 2>/dev/null | grep -q "does match"
}
if ! good; then
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -keyout tls.key -out tls.csr \
        -subj "/CN=$domain" 2>/dev/null
    printf 'subjectAltName=DNS:%s,DNS:*.%s\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n' \
        "$domain" "$domain" >tls.ext
    openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -sha256 -extfile tls.ext -out tls.crt 2>/dev/null
    rm -f tls.csr tls.ext
fi
echo "$folder: certificate for $domain and *.$domain, of the authority in ca.crt"
