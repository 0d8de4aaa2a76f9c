#!/usr/bin/env bash
# ./dev lint: everything that is checked about the sources without running them. With --tidy, clang-tidy as well: minutes.
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

failed=()

# check TITLE COMMAND...: the command prints what is wrong and where, and exits with non-zero or prints nothing.
check() {
  local title=$1 output status=0
  shift
  output=$("$@" 2>&1) || status=$?
  if ((status == 0)) && [[ -z $output ]]; then
    say "ok      $title"
  else
    say "FAILED  $title"
    [[ -z $output ]] || printf '%s\n' "$output" | sed 's/^/        /'
    failed+=("$title")
  fi
}

dependency_direction() {
  our_cpp | xargs -0 awk -f deploy/lint/layers.awk deploy/lint/layers.txt
}

cpp_format() {
  local output
  output=$(our_cpp | xargs -0 -P "$(nproc)" -n 16 clang-format --dry-run --Werror 2>&1) && return
  grep -oE '^[^: ]+:[0-9]+:[0-9]+: .*' <<<"$output" | sort -u -t : -k 1,1 -k 2,2n || echo "$output"
  return 1
}

include_guards() {
  our_cpp | grep -z '\.h$' | xargs -0 awk -f deploy/lint/guards.awk
}

forbidden_patterns() {
  local where what why files status=0
  while IFS= read -r line; do
    [[ -n $line && $line != '#'* ]] || continue
    where=$(field 1 "$line") what=$(field 2 "$line") why=$(field 3 "$line")
    mapfile -d '' -t files < <(our_cpp | grep -zxE "$where")
    ((${#files[@]} > 0)) || continue
    if grep -nHE -- "$what" "${files[@]}"; then
      say "^ $why"
      status=1
    fi
  done <deploy/lint/patterns.txt
  return $status
}

# field N LINE, of a line whose fields are separated by ';;', without the spaces around it.
field() {
  awk -v n="$1" -F ' *;; *' '{ print $n }' <<<"$2"
}

shell_scripts() {
  local scripts=(dev .ci/run deploy/*.sh) script
  for script in "${scripts[@]}"; do bash -n "$script"; done
  shellcheck -x "${scripts[@]}"
}

documented_protos() {
  awk -f deploy/lint/protos.awk proto/expunge/v1/*.proto proto/inference/*.proto
}

# clang reads the annotations of locks that GCC ignores. Only sources that see one, and none with LibTorch: none of those
# has a lock, and each costs 12 s.
lock_annotations() {
  local annotated sources
  annotated=$(our_cpp | xargs -0 grep -lE 'ABSL_[A-Z_]*(GUARDED|LOCK)' | sed -nE 's|^(server/)?(.*\.h)$|#include "\2"|p')
  sources=$(our_cpp | grep -zE '^(server|storage|admin|client)/.*\.cc$' | grep -zv '^server/learning/' |
    xargs -0 grep -lF -e ABSL_GUARDED_BY -e "$annotated" | tr '\n' ' ')
  jq -r --arg root "$ROOT/" '.[] | "\(.file | ltrimstr($root))\t\(.command)"' build/dev/compile_commands.json |
    awk -F '\t' -v wanted=" $sources" '
      index(wanted, " " $1 " ") {
        sub(/^(.*ccache )?[^ ]+ /, "", $2)
        print "clang++ " $2 " -fsyntax-only -Wno-everything -Wthread-safety"
      }' |
    (cd build/dev && xargs -d '\n' -P "$(nproc)" -n 1 bash -c)
}

clang_tidy() {
  our_cpp | grep -zE '\.cc$' | xargs -0 grep -LE 'learning/|torch/' |
    xargs -d '\n' -P "$(nproc)" -n 1 clang-tidy --quiet -p build/dev 2>/dev/null
}

main() {
  check "dependency direction (deploy/lint/layers.txt)" dependency_direction
  check "format (./dev format mends it)" cpp_format
  check "include guards" include_guards
  check "forbidden patterns (deploy/lint/patterns.txt)" forbidden_patterns
  check "shell scripts" shell_scripts
  check "documented protos" documented_protos
  # A compiler needs the generated headers before it can look at our sources.
  quietly build/lint.log build dev expunge_storage_proto expunge_wire_proto
  check "lock annotations (clang -Wthread-safety)" lock_annotations
  [[ ${1:-} != --tidy ]] || check "clang-tidy" clang_tidy
  ((${#failed[@]} == 0)) || fail "lint: ${#failed[@]} checks failed"
}

main "$@"
