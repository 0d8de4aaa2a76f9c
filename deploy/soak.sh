#!/usr/bin/env bash
# ./dev soak [KIND]: the tests that find the more the longer they run, for longer than CI can and with another seed each
# time, which is printed: set it to have the same run in kind. Without KIND, all kinds after each other.
#   crash    kills of the real server: EXPUNGE_CRASH_KILLS (5000) of them, EXPUNGE_CRASH_SEED
#   faults   every operation on a file fails once, every EXPUNGE_FAULT_STRIDE-th (1) from EXPUNGE_FAULT_FIRST (0) on; bits
#            flip in every 16th byte. Where a test has found something, first and stride have that one fault alone
#   predict  Predicts for EXPUNGE_SOAK_SECONDS (1800), while people are forgotten and others come: none fails, and the
#            server's memory stays as it is
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KINDS=(crash faults predict)

random_seed() { echo $((RANDOM << 15 | RANDOM)); }

soak_crash() {
  build dev crash_test
  EXPUNGE_CRASH_KILLS=${EXPUNGE_CRASH_KILLS:-5000} EXPUNGE_CRASH_SEED=${EXPUNGE_CRASH_SEED:-$(random_seed)} \
    "$ROOT/build/dev/bin/crash_test"
}

soak_faults() {
  local programs=(write_faults_test power_loss_sweep_test read_faults_test damage_test) program stride status=0
  local log=$ROOT/build/dev/faults.log
  build dev "${programs[@]}"
  : >"$log"
  for program in "${programs[@]}"; do
    stride=1
    [[ $program != damage_test ]] || stride=16
    EXPUNGE_FAULT_STRIDE=${EXPUNGE_FAULT_STRIDE:-$stride} "$ROOT/build/dev/bin/$program" | tee -a "$log" || status=1
  done
  awk -F': ' '/ faults injected / { faults += $2 } END { print faults " faults injected in all" }' "$log"
  return $status
}

soak_predict() {
  build dev predict_soak_test
  EXPUNGE_SOAK_SECONDS=${EXPUNGE_SOAK_SECONDS:-1800} "$ROOT/build/dev/bin/predict_soak_test"
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
