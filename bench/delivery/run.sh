#!/bin/sh
# Deliveries per second through the outbox (claim, send, record, all durable in the queue table) against a bare
# libcurl-multi loop (curlmax.c of the shared baselines) on the same local nginx: 1 KB bodies, signed, 16-64 in flight.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
baseline=${MHUB_SHARED:-$top/../shared}/baselines/workflow/curlmax.c
[ -r "$baseline" ] || { echo "delivery: skipped, $baseline is not here"; exit 0; }
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || { echo "delivery: skipped, nginx is not installed"; exit 0; }
messages=${MESSAGES:-40000}

work=$(mktemp -d)
chmod 755 "$work"
trap 'kill $(cat "$work/nginx.pid" 2>/dev/null) 2>/dev/null || true; rm -rf "$work"' EXIT
port=18099
cat >"$work/nginx.conf" <<CONF
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 10000000;
	client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
	server { listen 127.0.0.1:$port; location / { return 200; } }
}
CONF
PATH=$PATH:/usr/sbin nginx -c "$work/nginx.conf"
gcc -O2 -o "$work/curlmax" "$baseline" -lcurl -lcrypto 2>/dev/null
umask 077
echo "1:$(openssl rand -base64 32)" >"$work/keys"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/keys"
umask 022

run() { sh "$top/test/tools/cluster.sh" run "$@"; }
run psql -qX -c 'DROP DATABASE IF EXISTS mhub_bench' -c 'CREATE DATABASE mhub_bench'
sql() { run psql -qXAt -v ON_ERROR_STOP=1 -d mhub_bench "$@"; }
sql -c "CREATE EXTENSION mhub" -c "SET client_min_messages = warning; SELECT mhub.install()" >/dev/null
previous_key=$(run psql -qXAt -c "LOAD 'mhub'" -c "SHOW mhub.key_file" | tail -n 1)
run psql -qX -c "LOAD 'mhub'" -c "ALTER SYSTEM SET mhub.key_file = '$work/keys'" -c "SELECT pg_reload_conf()" >/dev/null
sleep 1
sql -c "INSERT INTO mhub.provider (name, channel, kind, url, concurrency) VALUES ('bench', 'webhook', 'webhook', 'http://127.0.0.1:$port/', ${CONCURRENCY:-32})" \
	-c "SELECT mhub.set_provider_secret('bench', 'signing_key', mhub.new_signing_key())" >/dev/null

now() { date +%s.%N; }
for round in 1 2 3; do
	sql -c "INSERT INTO mhub.message (channel, data) SELECT 'webhook', jsonb_build_object('n', n, 'text', repeat('x', 1000)) FROM generate_series(1, $messages) AS n" \
		-c "VACUUM ANALYZE mhub.message" -c "CHECKPOINT"
	bare=$("$work/curlmax" "http://127.0.0.1:$port/" "$messages" "${CONCURRENCY:-32}" 1 1 | sed 's/.* rps=\([0-9]*\).*/\1/')
	ours=$(sql -c "ALTER DATABASE mhub_bench SET mhub.allowed_networks = '127.0.0.0/8'" -c "SELECT mhub.version()" \
		-c "SET mhub.allowed_networks = '127.0.0.0/8'" -c '\timing on' -c "CALL mhub.deliver_messages('5 min')" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1)
	left=$(sql -c "SELECT count(*) FROM mhub.message WHERE state <> 'sent'")
	[ "$left" = 0 ] || { echo "delivery: $left messages were not sent"; exit 1; }
	echo "$bare $ours" | awk -v n="$messages" -v r="$round" '{ rps = n / $2 * 1000; printf "round %d: bare libcurl %d/s, mhub %d/s, ratio %.2f\n", r, $1, rps, rps / $1 }'
done
run psql -qX -c "LOAD 'mhub'" -c "ALTER SYSTEM SET mhub.key_file = '$previous_key'" -c "SELECT pg_reload_conf()" -c 'DROP DATABASE mhub_bench' >/dev/null
