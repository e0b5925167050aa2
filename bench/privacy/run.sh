#!/bin/sh
# Sealing, opening and blind indexes against what pgcrypto offers for the same ends, ROWS values in a loop.
#   RUNS=5 ROWS=1000000. pgp_sym_encrypt costs some hundred times as much, so it gets a five-hundredth of the rows (its
#   ratio is to be multiplied by 500). All values belong to 1,000 persons: as many keys as a session keeps unwrapped.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-5}
rows=${ROWS:-1000000}
few=$((rows / 500))
database=mhub_bench_privacy

psql() { command psql -Xq -v ON_ERROR_STOP=1 "$@"; }
psql -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
trap 'command psql -Xq -d postgres -c "DROP DATABASE IF EXISTS $database"' EXIT
export PGDATABASE=$database
psql -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' -c 'CREATE EXTENSION pgcrypto' >/dev/null
psql <<SQL
CREATE TABLE plain AS SELECT n, 1 + n % 1000 AS person_id, 'person' || n || '@example.com' AS email FROM generate_series(1, $rows) AS n;
CREATE TABLE sealed AS SELECT person_id, mhub.encrypt(email, person_id, 'identifier.sealed') AS email FROM plain;
CREATE TABLE pgp AS SELECT pgp_sym_encrypt(email, 'a key in every statement') AS email FROM plain LIMIT $few;
CREATE TABLE raw AS SELECT encrypt_iv(email::bytea, '0123456789abcdef0123456789abcdef', '0123456789abcdef', 'aes') AS email FROM plain;
VACUUM ANALYZE;
SQL

race() {
	echo "-- $1"
	perl "$bench/../compare.pl" --runs "$runs" --warmup 1 --setup "SET mhub.purpose = 'bench'; SET max_parallel_workers_per_gather = 0;" "$2" "$3"
}

race "encrypt: $rows rows against $few of pgp_sym_encrypt" \
	"pgp_sym_encrypt=sql:SELECT count(pgp_sym_encrypt(email, 'a key in every statement')) FROM (SELECT email FROM plain LIMIT $few) AS p;" \
	"mhub.encrypt=sql:SELECT count(mhub.encrypt(email, person_id, 'identifier.sealed')) FROM plain;"
race "encrypt: against encrypt_iv, which neither authenticates nor draws a nonce" \
	"encrypt_iv=sql:SELECT count(encrypt_iv(email::bytea, '0123456789abcdef0123456789abcdef', '0123456789abcdef', 'aes')) FROM plain;" \
	"mhub.encrypt=sql:SELECT count(mhub.encrypt(email, person_id, 'identifier.sealed')) FROM plain;"
race "decrypt, logged: $rows rows against $few of pgp_sym_decrypt" \
	"pgp_sym_decrypt=sql:SELECT count(pgp_sym_decrypt(email, 'a key in every statement')) FROM pgp;" \
	"mhub.decrypt=sql:SELECT count(mhub.decrypt(email, 'identifier.sealed', person_id)) FROM sealed;"
race "decrypt, logged: against decrypt_iv" \
	"decrypt_iv=sql:SELECT count(decrypt_iv(email, '0123456789abcdef0123456789abcdef', '0123456789abcdef', 'aes')) FROM raw;" \
	"mhub.decrypt=sql:SELECT count(mhub.decrypt(email, 'identifier.sealed', person_id)) FROM sealed;"
race "blind index, normalising included: against hmac(lower())" \
	"hmac=sql:SELECT count(hmac(lower(email), 'a key in every statement', 'sha256')) FROM plain;" \
	"mhub.blind_index=sql:SELECT count(mhub.blind_index(email, 'email')) FROM plain;"
race "scan and count alone" "scan=sql:SELECT count(email) FROM plain;" "scan of sealed=sql:SELECT count(email) FROM sealed;"
