#!/bin/sh
# Writes the extension script: sql/extension/ in order of name, with the hub's migrations (sql/hub/) packed in as the
# rows of mhub.hub_migration(), which mhub.install() applies.
set -eu
cd "$(dirname "$0")"
export LC_ALL=C

printf '%s\n' '\echo Use "CREATE EXTENSION mhub" to load this file. \quit'

twice=$(ls hub | sed -n 's/^\([0-9]*\)-.*/\1/p' | uniq -d)
[ -z "$twice" ] || { echo "pack.sh: two migrations of one number: $twice" >&2; exit 1; }

hub_migration() {
	echo 'CREATE FUNCTION mhub.hub_migration(OUT version integer, OUT name text, OUT script text)'
	echo 'RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp'
	echo 'AS $mhub_migrations$ VALUES'
	separator=''
	for file in hub/[0-9][0-9][0-9][0-9]-*.sql; do
		base=$(basename "$file" .sql)
		version=$(echo "$base" | sed 's/^0*\([0-9]*\)-.*/\1/')
		printf "%s(%s, '%s', \$mhub_script\$\n" "$separator" "$version" "${base#*-}"
		cat "$file"
		printf '$mhub_script$::text)'
		separator=','
	done
	echo
	echo '$mhub_migrations$;'
	echo "COMMENT ON FUNCTION mhub.hub_migration() IS"
	echo "'The hub''s migrations shipped with this version of the extension, in order: number, topic and SQL text. mhub.install() applies them; read it to see beforehand what it would do.';"
}

for file in extension/*.sql; do
	case $file in
		extension/*-hub-migrations.sql) cat "$file"; hub_migration ;;
		*) cat "$file" ;;
	esac
	echo
done
