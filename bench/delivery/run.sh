#!/bin/sh
# Deliveries per second through the outbox (claim, send, record, all durable in the queue table) against a bare
# libcurl-multi loop (curlmax.c of the shared baselines) on the same local nginx: 1 KB bodies, signed, 16, 32 and 64 in
# flight (CONCURRENCY) from one deliverer, then shared by two (DELIVERERS); ROUNDS alternating rounds of MESSAGES each; medians.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
baseline=${MHUB_SHARED:-$top/../shared}/baselines/workflow/curlmax.c
[ -r "$baseline" ] || { echo "delivery: skipped, $baseline is not here"; exit 0; }
messages=${MESSAGES:-30000}
rounds=${ROUNDS:-3}

. "$top/bench/delivery/server.sh"
gcc -O2 -o "$work/curlmax" "$baseline" -lcurl -lcrypto 2>/dev/null
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

# Both sides send all messages once; what they took goes to the files.
race() {
	sql -c "INSERT INTO mhub.message (channel, data) SELECT 'webhook', jsonb_build_object('n', n, 'text', repeat('x', 1000)) FROM generate_series(1, $messages) AS n" \
		-c "VACUUM ANALYZE mhub.message" -c "VACUUM ANALYZE mhub.message_queue" -c "CHECKPOINT"
	"$work/curlmax" "http://127.0.0.1:$port/" "$messages" "$concurrency" 1 1 >"$work/said"
	sed 's/.* sec=\([0-9.]*\).*/\1/' "$work/said" >>"$work/bare.wall"
	sed 's/.* cpu_user=\([0-9.]*\) cpu_sys=\([0-9.]*\).*/\1 \2/' "$work/said" | awk '{ print $1 + $2 }' >>"$work/bare.cpu"
	for one in $(seq "$deliverers"); do
		sql -f "$work/deliver.sql" >"$work/said.$one" &
	done
	wait
	for one in $(seq "$deliverers"); do tail -n 1 "$work/said.$one"; done >"$work/said"
	cut -d' ' -f1 "$work/said" | sort -n | tail -n 1 >>"$work/ours.wall"
	awk '{ sum += $2 } END { print sum }' "$work/said" >>"$work/ours.cpu"
	left=$(sql -c "SELECT count(*) FROM mhub.message WHERE state <> 'sent'")
	[ "$left" = 0 ] || { echo "delivery: $left messages were not sent"; exit 1; }
}

for deliverers in ${DELIVERERS:-1 2}; do
	for concurrency in ${CONCURRENCY:-16 32 64}; do
		sql -c "UPDATE mhub.provider SET concurrency = $((concurrency / deliverers))"
		rm -f "$work"/bare.* "$work"/ours.*
		for round in $(seq "$rounds"); do race; done
		echo "$(median <"$work/bare.wall") $(median <"$work/ours.wall") $(median <"$work/bare.cpu") $(median <"$work/ours.cpu")" |
			awk -v n="$messages" -v c="$concurrency" -v d="$deliverers" '{ printf "delivery, %d in flight, %d deliverer%s: bare libcurl %d/s, mhub %d/s, ratio %.2f (by CPU seconds %.2f)\n", c, d, (d > 1 ? "s" : ""), n / $1, n / $2, $1 / $2, $3 / $4 }'
	done
done
