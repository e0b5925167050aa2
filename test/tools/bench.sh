#!/bin/sh
# make bench: sets everything up in a private cluster below .cluster/, then runs bench/<topic>/run.sh for every topic, or
# for those named in TOPICS. Each races mhub against what a user would otherwise pick, in one run, and prints ratios.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
sh "$top/test/tools/packages.sh" bench
. "$top/test/tools/setup.sh"
cd "$top"

for script in bench/*/run.sh; do
	[ -e "$script" ] || { echo "bench: nothing to run in bench/"; exit 0; }
	topic=$(basename "$(dirname "$script")")
	case " ${TOPICS:-$topic} " in
		*" $topic "*) echo "== bench: $topic"; sh "$script" ;;
	esac
done
