# For the scripts beside it: a local nginx, a database mhub_bench with the hub and a provider for channel webhook, both
# gone again at the end; $work is a folder for files.
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || { echo "delivery: skipped, nginx is not installed"; exit 0; }

work=$(mktemp -d)
chmod 755 "$work"
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
umask 077
echo "1:$(openssl rand -base64 32)" >"$work/keys"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/keys"
umask 022

clean_up() {
	run psql -qX -c "LOAD 'mhub'" -c "ALTER SYSTEM SET mhub.key_file = '$previous_key'" -c "SELECT pg_reload_conf()" -c 'DROP DATABASE IF EXISTS mhub_bench' >/dev/null || true
	kill "$(cat "$work/nginx.pid")" || true
	rm -rf "$work"
}
run() { sh "$top/test/tools/cluster.sh" run "$@"; }
run psql -qX -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS mhub_bench' -c 'CREATE DATABASE mhub_bench'
sql() { run psql -qXAt -v ON_ERROR_STOP=1 -d mhub_bench "$@"; }
sql -c "CREATE EXTENSION mhub" -c "SET client_min_messages = warning; SELECT mhub.install()" >/dev/null
previous_key=$(run psql -qXAt -c "LOAD 'mhub'" -c "SHOW mhub.key_file" | tail -n 1)
trap clean_up EXIT
run psql -qX -c "LOAD 'mhub'" -c "ALTER SYSTEM SET mhub.key_file = '$work/keys'" -c "SELECT pg_reload_conf()" >/dev/null
sleep 1
sql -c "INSERT INTO mhub.provider (name, channel, kind, url) VALUES ('bench', 'webhook', 'webhook', 'http://127.0.0.1:$port/')" \
	-c "SELECT mhub.set_provider_secret('bench', 'signing_key', mhub.new_signing_key())" >/dev/null
