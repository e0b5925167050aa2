#!/bin/sh
# make doc-reference: writes doc/reference.md from the COMMENTs of a freshly installed mhub.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/tools/setup.sh"

database=mhub_reference
as_server_user psql -Xq -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
as_server_user psql -Xq -d "$database" -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null
as_server_user psql -XqAt -d "$database" -v ON_ERROR_STOP=1 -f - <"$top/doc/reference.sql" >"$top/doc/reference.md"
as_server_user psql -Xq -d "$database" -c 'SELECT mhub.uninstall(current_database()::text)' >/dev/null
as_server_user psql -Xq -d postgres -c "DROP DATABASE $database"
echo "wrote doc/reference.md"
