#!/bin/sh
# A private, throw-away PostgreSQL for this checkout, below .cluster/:
#   cluster.sh start    copy the server's files, build and install mhub into the copy, initialise, start
#   cluster.sh install  build mhub and install it into the copy (the server keeps running)
#   cluster.sh run CMD  run a command as the cluster's user, with PATH and PG* variables set for it
#   cluster.sh env      print those settings, for eval
#   cluster.sh stop     stop the server;  cluster.sh remove  also delete everything
#
# The system's own PostgreSQL is only read: its program files are copied (they find their libraries and extensions
# relative to themselves), so nothing is installed outside the checkout and checkouts do not disturb each other.
# PG_MAJOR chooses another version than 15; "remove" and "make clean" before changing it.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
major=${PG_MAJOR:-15}
system_bin=/usr/lib/postgresql/$major/bin
home=${MHUB_CLUSTER:-$top/.cluster}
bin=$home/pg/lib/postgresql/$major/bin
PG_CONFIG=$bin/pg_config

# PostgreSQL refuses to run as root: as root everything that touches the server is done as user postgres.
owner=$(id -un)
[ "$owner" != root ] || owner=postgres
as_owner() {
	if [ "$(id -un)" = "$owner" ]; then "$@"; else runuser -u "$owner" -- "$@"; fi
}

# A socket's path may have 107 bytes at most.
socket_folder() {
	if [ ${#home} -lt 80 ]; then echo "$home/socket"; else echo "/tmp/mhub-$(echo "$home" | cksum | cut -d' ' -f1)"; fi
}

settings() {
	cat <<EOF
PATH='$bin:$PATH'
PGHOST='$(socket_folder)'
PGPORT='5432'
PGUSER='postgres'
PGDATABASE='postgres'
PG_CONFIG='$PG_CONFIG'
export PATH PGHOST PGPORT PGUSER PGDATABASE PG_CONFIG
EOF
}

copy_server() {
	[ ! -x "$bin/postgres" ] || return 0
	echo "cluster: copying PostgreSQL $major's program files to $home/pg"
	mkdir -p "$home/pg/lib/postgresql" "$home/pg/share/postgresql" "$home/pg/include"
	cp -a "/usr/lib/postgresql/$major" "$home/pg/lib/postgresql/"
	cp -a "/usr/share/postgresql/$major" "$home/pg/share/postgresql/"
	ln -sfn /usr/include/postgresql "$home/pg/include/postgresql"
}

install_mhub() {
	echo "cluster: building mhub"
	make -s -C "$top" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" all
	make -s -C "$top" PG_CONFIG="$PG_CONFIG" install >/dev/null
}

initialise() {
	[ ! -e "$home/data/PG_VERSION" ] || return 0
	echo "cluster: initialising $home/data"
	mkdir -p "$home/data" "$(socket_folder)" "$home/keys"
	chmod 700 "$home/data" "$home/keys"
	[ "$(id -u)" -ne 0 ] || chown "$owner" "$home" "$home/data" "$(socket_folder)" "$home/keys"
	as_owner "$bin/initdb" -D "$home/data" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
	as_owner sh -c "cat >>'$home/data/postgresql.conf'" <<EOF
listen_addresses = ''
unix_socket_directories = '$(socket_folder)'
shared_preload_libraries = 'pg_cron'
cron.host = '$(socket_folder)'
cron.database_name = 'postgres'
mhub.key_file = '$home/keys/mhub.keys'
fsync = off
max_connections = 60
log_destination = 'stderr'
EOF
}

# A random key for personal data, made once: what the cluster holds can only be read with it.
key_file() {
	[ ! -e "$home/keys/mhub.keys" ] || return 0
	as_owner sh -c "umask 077; echo \"1:\$(openssl rand -base64 32)\" >'$home/keys/mhub.keys'"
}

start() {
	copy_server
	install_mhub
	initialise
	key_file
	# A pid file may outlive its server: what counts is whether somebody answers.
	"$bin/pg_isready" -q -h "$(socket_folder)" -p 5432 && return 0
	# The server outlives this script: it must not keep the caller's files (and the locks on them) open.
	as_owner "$bin/pg_ctl" -D "$home/data" -l "$home/data/server.log" -w start >/dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- ||
		{ tail -n 20 "$home/data/server.log" >&2; exit 1; }
	echo "cluster: running, socket in $(socket_folder)"
}

stop() {
	[ ! -e "$home/data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$home/data" -m fast -w stop >/dev/null
}

case ${1-} in
	start) start ;;
	install) copy_server; install_mhub ;;
	run) shift; eval "$(settings)"; as_owner "$@" ;;
	env) settings ;;
	stop) stop ;;
	remove) stop; rm -rf "$home" ;;
	*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
