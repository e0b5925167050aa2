#!/bin/sh
# Memory of a backend while one CALL mhub.deliver_messages() sends a million messages (MESSAGES) to a local nginx: its
# private memory after each tenth. It must not grow with the number of messages.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/bench/delivery/server.sh"
messages=${MESSAGES:-1000000}

sql -c "INSERT INTO mhub.message (channel, data) SELECT 'webhook', jsonb_build_object('n', n, 'text', '新课上线') FROM generate_series(1, $messages) AS n" \
	-c "VACUUM ANALYZE mhub.message" -c "VACUUM ANALYZE mhub.message_queue"
sql -c "SET application_name = 'memory'" -c "SELECT mhub.version()" -c "SET mhub.allowed_networks = '127.0.0.0/8'" -c "CALL mhub.deliver_messages('1 hour')" >/dev/null &
deliverer=$!
tenth=1
pid=''
while kill -0 "$deliverer" 2>/dev/null; do
	[ -n "$pid" ] || pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'memory' AND query LIKE 'CALL%'")
	left=$(sql -c "SELECT count(*) FROM mhub.message_queue")
	if [ -n "$pid" ] && [ $((messages - left)) -ge $((messages / 10 * tenth)) ] && [ -r "/proc/$pid/status" ]; then
		echo "delivery memory: $((messages - left)) of $messages sent, $(awk '/^RssAnon/ { printf "%.1f MB private", $2 / 1024 }' "/proc/$pid/status")"
		tenth=$((tenth + 1))
	fi
	sleep 2
done
wait "$deliverer"
sql -c "SELECT 'delivery memory: ' || count(*) || ' ' || state || ' in ' || date_trunc('second', max(sent_at) - min(sent_at)) FROM mhub.message GROUP BY state"
