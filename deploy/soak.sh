#!/usr/bin/env bash
# ./dev soak [KIND]: the tests that find the more the longer they run, for longer than CI can and with another seed each
# time, which is printed: set it to have the same run in kind. Without KIND, all kinds after each other.
#   crash    kills of the real server: EXPUNGE_CRASH_KILLS (5000) of them, EXPUNGE_CRASH_SEED
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KINDS=(crash)

random_seed() { echo $((RANDOM << 15 | RANDOM)); }

soak_crash() {
  build dev crash_test
  EXPUNGE_CRASH_KILLS=${EXPUNGE_CRASH_KILLS:-5000} EXPUNGE_CRASH_SEED=${EXPUNGE_CRASH_SEED:-$(random_seed)} \
    "$ROOT/build/dev/bin/crash_test"
}

main() {
  (($# > 0)) || set -- "${KINDS[@]}"
  local kind
  for kind in "$@"; do
    [[ " ${KINDS[*]} " == *" $kind "* ]] || fail "there is no kind '$kind' of soak, only: ${KINDS[*]}"
  done
  use_serial_blas
  for kind in "$@"; do "soak_$kind"; done
}

main "$@"
