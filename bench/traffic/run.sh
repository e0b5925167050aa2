#!/bin/sh
# What one call costs: mhub.parse_source() (must stay below 10 us) against the regular expressions one would write,
# mhub.user_agent_is_bot() (below 2 us) against isbot under node, mhub.ip_lookup() against a btree of networks.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
shared=${MHUB_SHARED:-$top/../shared}
run() { sh "$top/test/tools/cluster.sh" run "$@"; }
sql() { run psql -qXAt -v ON_ERROR_STOP=1 -d mhub_bench "$@"; }
compare() { eval "$(sh "$top/test/tools/cluster.sh" env)"; PGDATABASE=mhub_bench perl "$top/bench/compare.pl" --runs 3 "$@"; }

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"; run psql -qX -c "DROP DATABASE IF EXISTS mhub_bench"' EXIT
run psql -qX -c 'DROP DATABASE IF EXISTS mhub_bench' -c 'CREATE DATABASE mhub_bench'
sql -c 'CREATE EXTENSION mhub' -c 'SET client_min_messages = warning; SELECT mhub.install()' >/dev/null

# Microseconds of CPU that an expression over the rows of a table takes more than reading them.
per_call() {
	sql -c "CREATE TEMP TABLE t AS SELECT * FROM $2" -c 'SELECT count(*) FROM t' -c "SELECT ($1) IS NULL FROM t LIMIT 1" \
		-c "CREATE FUNCTION pg_temp.cpu() RETURNS text LANGUAGE sql VOLATILE AS \$\$ SELECT 'cpu ' || split_part(pg_read_file('/proc/self/schedstat'), ' ', 1) \$\$" \
		-c 'SELECT pg_temp.cpu()' -c 'SELECT count(*) FROM (SELECT * FROM t OFFSET 0) AS t WHERE t IS NULL' \
		-c 'SELECT pg_temp.cpu()' -c "SELECT count(*) FROM (SELECT ($1) AS x FROM t OFFSET 0) AS t WHERE x IS NULL" \
		-c 'SELECT pg_temp.cpu()' -c 'SELECT count(*) FROM t' |
		sed -n 's/^cpu //p; $p' |
		awk -v what="$3" -v limit="$4" '{ v[NR] = $1 } END { us = (v[3] - 2 * v[2] + v[1]) / 1000 / v[4]
			printf "%-60s %6.2f us a call%s\n", what, us, limit == "" ? "" : us < limit ? " (limit " limit ")" : " ABOVE THE LIMIT OF " limit; exit (limit != "" && us >= limit) }'
}

sql <<'SQL'
CREATE TABLE visit AS
SELECT n % 4 AS kind,
       CASE n % 4 WHEN 0 THEN format('https://www.example.com/p/%s?utm_source=baidu&utm_medium=cpc&utm_campaign=%%E6%%98%%A5%%E5%%AD%%A3%s&utm_term=a+b&bd_vid=%s', n, n % 50, n)
                  ELSE format('https://www.example.com/p/%s?page=%s', n, n % 9) END AS url,
       CASE n % 4 WHEN 0 THEN 'https://www.baidu.com/link?url=' || n
                  WHEN 1 THEN 'https://www.example.com/list?page=' || n
                  WHEN 2 THEN 'https://www.google.co.uk/search?q=word+' || n END AS referrer
FROM generate_series(1, 200000) AS n;
SQL
kind=0
for what in 'campaign and click id' 'from the own site' 'from a search engine' 'direct'; do
	per_call 'mhub.parse_source(url, referrer)' "visit WHERE kind = $kind" "parse_source: $what" 10
	kind=$((kind + 1))
done
per_call 'mhub.clean_url(url)' visit 'clean_url' ''
per_call "mhub.invalid_reason('Mozilla/5.0 (Linux; Android 13; V2171A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0.0.0 Mobile Safari/537.36', '1.2.3.4', NULL, url, 'Page Viewed', '{}', '{}')" visit 'invalid_reason' ''
echo '-- parse_source against six regular expressions that only read UTM from the query, undecoded'
compare mhub='sql:SELECT count((mhub.parse_source(url, referrer)).channel) FROM visit' \
	regexp="sql:SELECT count(coalesce(substring(url FROM '[?&]utm_source=([^&#]*)'), substring(url FROM '[?&]utm_medium=([^&#]*)'), substring(url FROM '[?&]utm_campaign=([^&#]*)'), substring(url FROM '[?&]utm_term=([^&#]*)'), substring(url FROM '[?&]utm_content=([^&#]*)'), substring(referrer FROM '://([^/]*)'))) FROM visit"

agents=$shared/data/traffic/ua_train.tsv.gz
if [ -r "$agents" ]; then
	gzip -dc "$agents" | iconv -c -f UTF-8 -t UTF-8 >"$work/ua.tsv"
	chmod 644 "$work/ua.tsv"
	sql -c 'CREATE TABLE ua (label text, grade text, sources text, user_agent text)' \
		-c "\\copy ua FROM '$work/ua.tsv' WITH (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\b')"
	for label in human bot; do
		per_call 'mhub.user_agent_is_bot(user_agent)' "ua WHERE label = '$label' AND grade = 'gold'" "user_agent_is_bot: $label" 2
	done
	sql -c "SELECT format('mhub:  recall of robots %s %%, people called robots %s %% (trusted user agents)',
		round(100 * avg(mhub.user_agent_is_bot(user_agent)::int) FILTER (WHERE label = 'bot'), 2),
		round(100 * avg(mhub.user_agent_is_bot(user_agent)::int) FILTER (WHERE label = 'human'), 3)) FROM ua WHERE grade = 'gold'"
	sh "$top/bench/traffic/kept_out.sh"
	if command -v npm >/dev/null && (cd "$work" && npm install --silent --no-audit --no-fund isbot >/dev/null 2>&1); then
		cat >"$work/isbot.cjs" <<'JS'
const { isbot } = require('isbot');
const rows = require('fs').readFileSync(__dirname + '/ua.tsv', 'utf8').split('\n').map(l => l.split('\t')).filter(r => r[1] === 'gold');
const share = label => { const of = rows.filter(r => r[0] === label); return 100 * of.filter(r => isbot(r[3])).length / of.length; };
if (process.argv[2]) for (let n = 0; n < 5; n++) for (const r of rows) isbot(r[3]);
else console.log(`isbot: recall of robots ${share('bot').toFixed(2)} %, people called robots ${share('human').toFixed(3)} %`);
JS
		chmod -R a+rX "$work"
		node "$work/isbot.cjs"
		compare mhub="sql:SELECT count(*) FROM ua, generate_series(1, 5) WHERE grade = 'gold' AND mhub.user_agent_is_bot(user_agent)" \
			isbot="cmd:node $work/isbot.cjs loop"
	else
		echo 'isbot: skipped, npm cannot install it'
	fi
else
	echo "user agents: skipped, $agents is not here"
fi

generator=$shared/baselines/geo/gen_networks.py
if [ -r "$generator" ] && [ -x /usr/bin/python3 ]; then
	(cd "$work" && /usr/bin/python3 "$generator" >/dev/null)
	perl -I "$top/test/t" -MMmdbWriter -e '
		my $writer = MmdbWriter->new(type => "Bench", record_size => 28);
		while (<STDIN>) { chomp; my ($net, undef, $asn) = split /,/; $writer->add($net, { country => { iso_code => "CN" }, autonomous_system_number => $asn }); }
		$writer->write($ARGV[0]);' "$work/bench.mmdb" <"$work/networks.csv"
	chmod a+r "$work"/*
	sql -c "INSERT INTO mhub.ip_database (name, path) VALUES ('bench', '$work/bench.mmdb')" \
		-c 'CREATE TABLE net (cidr cidr, geo int, asn int); CREATE TABLE probe (ip inet)' \
		-c "\\copy net FROM '$work/networks.csv' CSV" -c "\\copy probe FROM '$work/probes.csv' CSV" \
		-c "ALTER TABLE net ADD lo inet, ADD hi inet; UPDATE net SET lo = host(network(cidr))::inet, hi = host(broadcast(cidr))::inet" \
		-c 'CREATE INDEX ON net (lo)' -c 'VACUUM ANALYZE net' -c 'ANALYZE probe'
	differ=$(sql -c "SELECT count(*) FROM probe AS p LEFT JOIN LATERAL (SELECT * FROM net AS n WHERE n.lo <= p.ip ORDER BY n.lo DESC LIMIT 1) AS n ON n.hi >= p.ip WHERE (mhub.ip_lookup(p.ip)).asn IS DISTINCT FROM n.asn")
	[ "$differ" = 0 ] || { echo "ip_lookup: $differ answers differ"; exit 1; }
	per_call 'mhub.ip_lookup(ip)' probe 'ip_lookup, 500,000 networks' ''
	compare mhub='sql:SELECT sum((mhub.ip_lookup(ip)).asn) FROM probe' \
		btree='sql:SELECT sum(n.asn) FROM probe AS p CROSS JOIN LATERAL (SELECT * FROM net AS n WHERE n.lo <= p.ip ORDER BY n.lo DESC LIMIT 1) AS n WHERE n.hi >= p.ip'
else
	echo "networks: skipped, $generator is not here"
fi
