#!/bin/sh
# Makes the certificates of the TLS tests anew: an authority of their own, a server's certificate for 127.0.0.1, localhost and dokploy.example, and one that has
# expired. Their keys are known to everybody and good for nothing else.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/index.txt"
cat >"$work/ca.conf" <<CONF
[ca]
default_ca = own
[own]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1,DNS:localhost,DNS:dokploy.example
CONF
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt; }
# NAME KEY SUBJECT SECTION FROM TO [more]
issue() {
    name=$1 key=$2 subject=$3 section=$4 from=$5 to=$6
    shift 6
    openssl req -new -key "$key" -subj "/CN=$subject" -out "$work/request.pem"
    openssl ca -batch -notext -config "$work/ca.conf" -in "$work/request.pem" -out "$name" -extensions "$section" \
        -startdate "$from" -enddate "$to" -keyfile "$work/authority.key" "$@"
}
key >"$work/authority.key"
key >server.key
issue authority.pem "$work/authority.key" "plan test authority" authority 20200101000000Z 21200101000000Z -selfsign
issue server.pem server.key "plan test server" server 20200101000000Z 21200101000000Z -cert authority.pem
issue expired.pem server.key "plan test server" server 20200101000000Z 20210101000000Z -cert authority.pem
