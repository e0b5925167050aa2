#!/bin/sh
# How well robots are told by user agents that nobody has looked at: see kept_out.c.
#   sh bench/traffic/kept_out.sh [SPLITS [list]]
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
agents=${MHUB_SHARED:-$top/../shared}/data/traffic/ua_train.tsv.gz
[ -r "$agents" ] || { echo "kept_out: skipped, $agents is not here"; exit 0; }
eval "$(sh "$top/test/tools/cluster.sh" env)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() { ${CC:-cc} -O2 -Wall -Wextra -isystem "$(pg_config --includedir-server)" -I"$top/src" "$@"; }
compile -c -o "$work/list.o" -Dmhub_ua_robot_words=whole_robot_words -Dmhub_n_ua_robot_words=n_whole_robot_words \
	-Dmhub_ua_human_words=whole_human_words -Dmhub_n_ua_human_words=n_whole_human_words \
	-Dmhub_ua_products=whole_products -Dmhub_n_ua_products=n_whole_products \
	-Dmhub_ua_platforms=whole_platforms -Dmhub_n_ua_platforms=n_whole_platforms "$top/src/traffic/user_agent_list.c"
compile -o "$work/kept_out" "$top/bench/traffic/kept_out.c" "$work/list.o" "$top/src/traffic/automaton.c" \
	"$top/src/traffic/user_agent.c" "$top/src/traffic/user_agent_shape.c" "$top/src/traffic/user_agent_disguise.c"
gzip -dc "$agents" >"$work/agents.tsv"
"$work/kept_out" "$work/agents.tsv" "$@"
