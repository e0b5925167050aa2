#!/bin/sh
# Decisions per microsecond: mhub.decide() on 100, 1,000 and 10,000 rules against jsonpath rules in a table, and against
# json-logic-engine (compiled, in node), all on the same generated rules and profiles with every decision checked; the
# time to compile the rules; and mhub.choose_content() (profile, decision, impression) against a bare INSERT.
#   ENGINES="pg node choose" runs only some of it.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/bench/rules
baseline=${MHUB_SHARED:-$top/../shared}/baselines/rules
engines=${ENGINES:-pg node choose}
[ -r "$baseline/gen.mjs" ] || { echo "rules: skipped, $baseline is not here"; exit 0; }
command -v node >/dev/null || { echo "rules: skipped, node is not installed"; exit 0; }

work=$(mktemp -d)
chmod 755 "$work"
database=mhub_bench_rules
trap 'dropdb --if-exists --force $database >/dev/null 2>&1; rm -rf "$work"' EXIT
cd "$work"
node "$baseline/gen.mjs" 200 >/dev/null
dropdb --if-exists --force $database 2>/dev/null
createdb $database
export PGDATABASE=$database
psql -Xq -f "$here/setup.sql" >/dev/null

for n in 100 1000 10000; do
	psql -Xq -v ON_ERROR_STOP=1 <<SQL
CREATE TABLE jsonpath_rule_$n (LIKE jsonpath_rule);
\\copy jsonpath_rule_$n FROM 'data/rules_$n.copy'
CREATE INDEX ON jsonpath_rule_$n (priority);
INSERT INTO expected SELECT $n, array_agg(v::integer ORDER BY place) FROM jsonb_array_elements_text('$(cat data/expected_$n.json)') WITH ORDINALITY AS e (v, place);
INSERT INTO mhub.slot (slot) VALUES ('s$n');
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) SELECT 's$n', priority::text, priority, mongo::mhub.condition, 'c' FROM jsonpath_rule_$n AS l ORDER BY l.priority;
SQL
done
psql -Xq -c 'VACUUM ANALYZE'

case " $engines " in *" pg "*)
	echo "rules: median over 200 profiles of the best time, in microseconds; wrong = decisions unlike the generator's"
	psql -Xq -c "SELECT 100 AS rules, r.* FROM race(100, 30, 5) AS r UNION ALL SELECT 1000, r.* FROM race(1000, 30, 3) AS r UNION ALL SELECT 10000, r.* FROM race(10000, 30, 1) AS r"
	psql -Xq -c "SELECT n AS rules, c.ms AS read_and_compile_ms, c.cpu_ms FROM unnest('{100,1000,10000}'::integer[]) AS n, compile_ms(n) AS c"
esac

case " $engines " in *" node "*)
	cp "$baseline/bench_node.mjs" "$baseline/gen.mjs" .
	if npm install --silent --no-audit --no-fund json-logic-engine@5 >/dev/null 2>&1; then
		for n in 100 10000; do MAXSEC=10 node bench_node.mjs jle_compiled $n 10; done
	else
		echo "rules: json-logic-engine could not be installed, no comparison with it"
	fi
esac

case " $engines " in *" choose "*)
	psql -Xq -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shown_at timestamptz DEFAULT now(), who bigint, slot text, content text, properties jsonb);
INSERT INTO mhub.slot (slot, default_content) VALUES ('home', 'c');
INSERT INTO mhub.segment (key, condition) VALUES ('shanghai', $$city = '上海'$$), ('active', $$did('Page Viewed', within '30 days')$$);
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key)
    SELECT 'home', 'r' || n, n, format('age between %s and %s and in segment ''active'' and did not(''Order Completed'')', n, n + 3)::mhub.condition, 'c' FROM generate_series(1, 60) AS n;
SELECT mhub.identify(jsonb_build_object('user_id', 'u' || n), jsonb_build_object('age', n % 70, 'city', '上海')) FROM generate_series(1, 2000) AS n;
SELECT mhub.track('Page Viewed', jsonb_build_object('user_id', 'u' || n), '{"course": "x"}') FROM generate_series(1, 2000) AS n;
VACUUM ANALYZE;
SQL
	cat >choose.sql <<'SQL'
\set n random(1, 2000)
SELECT rule_key FROM mhub.choose_content('home', jsonb_build_object('user_id', 'u' || :n), '{"locale": "zh"}');
SQL
	cat >insert.sql <<'SQL'
\set n random(1, 2000)
INSERT INTO plain (who, slot, content, properties) VALUES (:n, 'home', 'c', '{"locale": "zh"}');
SQL
	rate() { PGOPTIONS='-c synchronous_commit=off' pgbench -n -M prepared -c "$2" -T 2 -f "$1" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }
	for clients in 1 4; do
		rate insert.sql $clients >/dev/null; rate choose.sql $clients >/dev/null
		for run in 1 2 3 4 5 6 7; do echo "$(rate insert.sql $clients) $(rate choose.sql $clients)"; done |
			awk '{print $2 / $1, $1, $2}' | sort -n |
			awk -v clients=$clients '{ratio[NR] = $1; plain[NR] = $2; choose[NR] = $3}
				END {printf "choose_content, %d client(s), async commit: plain INSERT %.0f per s, choose_content %.0f per s: ratio %.2f (median of %d pairs, %.2f to %.2f)\n",
					clients, plain[4], choose[4], ratio[4], NR, ratio[1], ratio[NR]}'
	done
esac
