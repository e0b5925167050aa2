#!/bin/sh
# Deliveries per second through the outbox (claim, send, record, all durable in the queue table) against a bare
# libcurl-multi loop (curlmax.c of the shared baselines) on the same local nginx: 1 KB bodies, signed, 16, 32 and 64 in
# flight (CONCURRENCY), ROUNDS alternating rounds of MESSAGES each; medians.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
baseline=${MHUB_SHARED:-$top/../shared}/baselines/workflow/curlmax.c
[ -r "$baseline" ] || { echo "delivery: skipped, $baseline is not here"; exit 0; }
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || { echo "delivery: skipped, nginx is not installed"; exit 0; }
messages=${MESSAGES:-30000}
rounds=${ROUNDS:-3}

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
run psql -qX -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS mhub_bench' -c 'CREATE DATABASE mhub_bench'
sql() { run psql -qXAt -v ON_ERROR_STOP=1 -d mhub_bench "$@"; }
sql -c "CREATE EXTENSION mhub" -c "SET client_min_messages = warning; SELECT mhub.install()" >/dev/null
previous_key=$(run psql -qXAt -c "LOAD 'mhub'" -c "SHOW mhub.key_file" | tail -n 1)
run psql -qX -c "LOAD 'mhub'" -c "ALTER SYSTEM SET mhub.key_file = '$work/keys'" -c "SELECT pg_reload_conf()" >/dev/null
sleep 1
sql -c "INSERT INTO mhub.provider (name, channel, kind, url) VALUES ('bench', 'webhook', 'webhook', 'http://127.0.0.1:$port/')" \
	-c "SELECT mhub.set_provider_secret('bench', 'signing_key', mhub.new_signing_key())" >/dev/null

# Seconds that pass, and CPU seconds of the backend, while it delivers everything.
cat >"$work/deliver.sql" <<'SQL'
SELECT mhub.version();
SET mhub.allowed_networks = '127.0.0.0/8';
CREATE FUNCTION pg_temp.cpu() RETURNS double precision LANGUAGE sql AS
$$ SELECT (split_part(stat, ' ', 14)::integer + split_part(stat, ' ', 15)::integer) / 100.0 FROM pg_read_file('/proc/self/stat') AS stat $$;
SELECT pg_temp.cpu() AS cpu, clock_timestamp() AS wall \gset
CALL mhub.deliver_messages('5 min');
SELECT extract(epoch FROM clock_timestamp() - :'wall') || ' ' || pg_temp.cpu() - :cpu;
SQL
chmod 644 "$work/deliver.sql"

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for concurrency in ${CONCURRENCY:-16 32 64}; do
	sql -c "UPDATE mhub.provider SET concurrency = $concurrency"
	rm -f "$work"/bare.* "$work"/ours.*
	for round in $(seq "$rounds"); do
		sql -c "INSERT INTO mhub.message (channel, data) SELECT 'webhook', jsonb_build_object('n', n, 'text', repeat('x', 1000)) FROM generate_series(1, $messages) AS n" \
			-c "VACUUM ANALYZE mhub.message" -c "VACUUM ANALYZE mhub.message_queue" -c "CHECKPOINT"
		"$work/curlmax" "http://127.0.0.1:$port/" "$messages" "$concurrency" 1 1 >"$work/said"
		sed 's/.* sec=\([0-9.]*\).*/\1/' "$work/said" >>"$work/bare.wall"
		sed 's/.* cpu_user=\([0-9.]*\) cpu_sys=\([0-9.]*\).*/\1 \2/' "$work/said" | awk '{ print $1 + $2 }' >>"$work/bare.cpu"
		sql -f "$work/deliver.sql" | tail -n 1 >"$work/said"
		cut -d' ' -f1 "$work/said" >>"$work/ours.wall"
		cut -d' ' -f2 "$work/said" >>"$work/ours.cpu"
		left=$(sql -c "SELECT count(*) FROM mhub.message WHERE state <> 'sent'")
		[ "$left" = 0 ] || { echo "delivery: $left messages were not sent"; exit 1; }
	done
	echo "$(median <"$work/bare.wall") $(median <"$work/ours.wall") $(median <"$work/bare.cpu") $(median <"$work/ours.cpu")" |
		awk -v n="$messages" -v c="$concurrency" '{ printf "delivery, %d in flight: bare libcurl %d/s, mhub %d/s, ratio %.2f (by CPU seconds %.2f)\n", c, n / $1, n / $2, $1 / $2, $3 / $4 }'
done
run psql -qX -c "LOAD 'mhub'" -c "ALTER SYSTEM SET mhub.key_file = '$previous_key'" -c "SELECT pg_reload_conf()" -c 'DROP DATABASE mhub_bench' >/dev/null
