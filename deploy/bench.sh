#!/usr/bin/env bash
# ./dev bench [FILTER] [OPTIONS]: runs the programs build/dev/bin/*_bench whose name matches; options go to each.
# Each writes its Google Benchmark report to build/bench/NAME.json and what it measured against a yardstick, as one flat
# object of ratios, to build/bench/NAME.ratios.json; build/bench/summary.json is all of those together.
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

OUT=$ROOT/build/bench

machine() {
  awk -F ': ' '/^model name/ { cpu = $2; ++cores } END { printf "%s, %d cores", cpu, cores }' /proc/cpuinfo
  awk '/^MemTotal:/ { printf ", %.0f GB\n", $2 / 1e6 }' /proc/meminfo
}

# Names of the benchmark programs that match.
programs() {
  ninja -C "$ROOT/build/dev" -t targets all | sed -nE 's|^bin/([a-z0-9_]*_bench): .*|\1|p' | grep -E -- "$1" | sort
}

print_ratios() {
  say "Ratios, each against its yardstick in the same run ($OUT/summary.json):"
  local name value bound
  while IFS=$'\t' read -r name value; do
    bound=$(awk -v name="$name" '$1 == name { print $2, $3 }' "$ROOT/deploy/bench-bounds.txt")
    awk -v name="$name" -v value="$value" -v bound="$bound" 'BEGIN {
      split(bound, part, " ")
      kept = part[1] == ">=" ? value >= part[2] : value <= part[2]
      printf "  %-36s %10.3f  %s\n", name, value, bound == "" ? "" : bound (kept ? "" : "  MISSED")
    }'
  done < <(jq -r 'to_entries[] | [.key, .value] | @tsv' "$OUT/summary.json")
}

main() {
  local filter='' names name
  if (($# > 0)) && [[ $1 != -* ]]; then
    filter=$1
    shift
  fi
  configure dev
  mapfile -t names < <(programs "$filter")
  ((${#names[@]} > 0)) || fail "no benchmark program matches '$filter'"
  build dev "${names[@]}"
  use_serial_blas
  mkdir -p "$OUT"
  rm -f "$OUT"/*.json "$OUT"/*.txt
  machine | tee "$OUT/machine.txt"
  for name in "${names[@]}"; do
    printf '\n%s\n' "$name"
    "$ROOT/build/dev/bin/$name" --benchmark_out="$OUT/$name.json" --benchmark_out_format=json \
      --ratios_out="$OUT/$name.ratios.json" "$@" | tee "$OUT/$name.txt"
  done
  jq --slurp 'add // {}' "$OUT"/*.ratios.json >"$OUT/summary.json"
  print_ratios
}

main "$@"
