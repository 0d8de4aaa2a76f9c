#!/usr/bin/env bash
# ./dev demo: one person forgotten, end to end, on Fashion-MNIST, with the server and the command that users get.
# Keeps every response in build/demo/, writes build/demo/summary.json, and exits with 0 only if all that it claims held.
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

OUT=build/demo
BIN=build/dev/bin
DATASET=/usr/share/datasets/fashion-mnist
MODEL=fashion-mnist
FIRST_PERSON=person-004242
SECOND_PERSON=person-001337
# Seconds that the server waits between a Forget and the retrain: enough to evaluate the ensemble in between.
RETRAIN_DELAY=5

server_pid=
address=127.0.0.1:0

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  heading() { printf '\n\e[1m%4d s  %s\e[0m\n' "$SECONDS" "$*"; }
else
  heading() { printf '\n%4d s  %s\n' "$SECONDS" "$*"; }
fi

die() {
  if [[ -s $OUT/server.log ]]; then
    say "The server's log ends with:"
    tail -n 20 "$OUT/server.log"
  fi >&2
  fail "$*"
}

# The command as a user types it, shown as such. Nothing in the demo waits for ever.
expunge() {
  say "\$ expunge $*"
  quiet_expunge "$@" || die "'expunge $*' failed"
}

quiet_expunge() { timeout --foreground 240 "$BIN/expunge" --address "$address" "$@"; }

# json NAME COMMAND...: shown, too, and the response goes to build/demo/NAME.json.
json() {
  say "\$ expunge ${*:2}"
  ask "$@"
}

# ask NAME COMMAND...: the same, but what the demo asks for itself. A replay that finds other bits has a response and
# fails: the summary will say so.
ask() {
  local name=$1
  shift
  quiet_expunge --output json "$@" >"$OUT/$name.json" || [[ -s $OUT/$name.json ]] || die "'expunge $*' failed"
}

# value NAME FILTER: of a response that was kept.
value() {
  jq -r 'def micros: capture("^(?<seconds>[^.Z]+)(\\.(?<fraction>[0-9]+))?Z$")
      | (.seconds + "Z" | fromdate) * 1000000 + ((.fraction // "") + "000000" | .[:6] | tonumber);'"$2" "$OUT/$1.json"
}

start_server() {
  rm -f "$OUT/port"
  "$BIN/expunged" --data-dir "$OUT/data" --listen "$address" --port-file "$OUT/port" --workers "$(nproc)" \
    --retrain-delay "$RETRAIN_DELAY" >>"$OUT/server.log" 2>&1 </dev/null &
  server_pid=$!
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    kill -0 "$server_pid" 2>/dev/null || die "the server ended by itself"
    if [[ -s $OUT/port ]]; then
      address=127.0.0.1:$(<"$OUT/port")
      quiet_expunge model list >/dev/null 2>&1 && return
    fi
    sleep 0.1
  done
  die "the server does not answer"
}

# end_server SIGNAL. What bash has to say about the end is not for the reader.
end_server() {
  [[ -n $server_pid ]] || return 0
  kill "-$1" "$server_pid" || true
  local tries
  for ((tries = 0; tries < 100; ++tries)); do
    kill -0 "$server_pid" || break
    sleep 0.1
  done
  kill -KILL "$server_pid" || true
  wait "$server_pid" || true
  server_pid=
} 2>/dev/null

evaluate() {
  json "$1" evaluate "$MODEL" --images "$DATASET/t10k-images-idx3-ubyte.gz" --labels "$DATASET/t10k-labels-idx1-ubyte.gz"
  value "$1" '"accuracy \(.accuracy) on \(.samples) test images, with \(.constituentsVotingMin) of \(.constituentsTotal) constituents voting, \(.constituentsCleanMin) of them fully trained"'
}

create_and_train() {
  heading "Create a model: 8 shards of 8 slices"
  expunge model create deploy/models/fashion-mnist.json
  heading "Ingest Fashion-MNIST, ten samples to a person"
  expunge ingest "$MODEL" --format idx --samples-per-subject 10 \
    --images "$DATASET/train-images-idx3-ubyte.gz" --labels "$DATASET/train-labels-idx1-ubyte.gz"
  heading "Train"
  expunge train "$MODEL"
  ask model model get "$MODEL"
  heading "Evaluate, with everybody's samples"
  evaluate before
}

forget_first() {
  heading "Forget $FIRST_PERSON"
  json forgotten forget "$FIRST_PERSON" --regulation gdpr
  local erasure
  erasure=$(value forgotten '.name')
  say "$erasure: isolated $(value forgotten '(.milestones.isolatedTime | micros) - (.receivedTime | micros) | . / 1000') ms" \
    "after it was received"

  heading "Evaluate while isolated: what knew the person votes no more, and nothing is retrained yet"
  evaluate isolated
  ask meanwhile erasure get "$erasure"
  [[ $(value meanwhile '.state == "IN_PROGRESS" and .milestones.retrainedTime == null') == true &&
    $(value isolated '.constituentsCleanMin < .constituentsTotal') == true ]] ||
    die "the retrain was done before the evaluation: nothing was measured while isolated"

  heading "Follow the erasure"
  expunge erasure watch "$erasure"
  ask completed erasure get "$erasure"
  heading "Evaluate again"
  evaluate after
  heading "Train every shard from scratch on the samples that remain, and compare the bits"
  json replay replay "$MODEL"
  print_verdicts replay
  certify "$erasure"
  heading "Audit"
  expunge audit
}

certify() {
  heading "Fetch the certificate, and the key of the log that has it"
  say "\$ expunge log key > $OUT/log.vkey"
  quiet_expunge log key >"$OUT/log.vkey" || die "there is no log key"
  expunge certificate "$1" --out "$OUT/certificate"
  heading "Check it as a third party would: from these files alone, no server is asked"
  local nonce
  nonce=$(value forgotten '.subjectNonce')
  expunge verify "$OUT/certificate/certificate.json" --key-file "$OUT/log.vkey" --subject "$FIRST_PERSON" --nonce "$nonce"
  ask verified verify "$OUT/certificate/certificate.json" --key-file "$OUT/log.vkey" --subject "$FIRST_PERSON" --nonce "$nonce"
  heading "The log"
  expunge log entries
}

print_verdicts() {
  value "$1" '.shards[] | "shard \(.shard): \(.verdict)"'
}

forget_second_and_crash() {
  heading "Forget $SECOND_PERSON, and kill the server (SIGKILL) before it is done"
  json second forget "$SECOND_PERSON" --regulation ccpa
  end_server KILL
  start_server
  local erasure
  erasure=$(value second '.name')
  ask restarted erasure get "$erasure"
  say "After the restart: $erasure is $(value restarted '.state')"
  expunge erasure watch "$erasure"
  ask recovered erasure get "$erasure"
  json recovered_replay replay "$MODEL" --shard "$(value second '.tasks[0].shard')"
  print_verdicts recovered_replay
}

write_summary() {
  jq -n --slurpfile model "$OUT/model.json" --slurpfile before "$OUT/before.json" --slurpfile isolated "$OUT/isolated.json" \
    --slurpfile after "$OUT/after.json" --slurpfile erasure "$OUT/completed.json" --slurpfile replay "$OUT/replay.json" \
    --slurpfile restarted "$OUT/restarted.json" --slurpfile recovered "$OUT/recovered.json" \
    --slurpfile recovered_replay "$OUT/recovered_replay.json" --slurpfile verified "$OUT/verified.json" \
    --argjson isolation_ms "$(value completed '(.milestones.isolatedTime | micros) - (.receivedTime | micros) | . / 1000')" '
    def all_match($shards): .[0].shards | length == $shards and all(.verdict == "MATCH");
    ($erasure[0].tasks | map(.workerSeconds) | add) as $retrain
    | $model[0].workerSeconds as $full
    | {
        test_accuracy_before: $before[0].accuracy,
        test_accuracy_isolated: $isolated[0].accuracy,
        test_accuracy_after: $after[0].accuracy,
        isolation_ms: $isolation_ms,
        retrain_seconds: $retrain,
        full_train_seconds: $full,
        speedup: ($full / $retrain),
        bit_exact: (($replay | all_match($model[0].sisa.shards)) and ($recovered_replay | all_match(1))),
        erasure_state: $erasure[0].state,
        certificate_verified: $verified[0].verified,
        recovered_after_restart: ($restarted[0].state == "IN_PROGRESS" and $recovered[0].state == "COMPLETED")
      }' >"$OUT/summary.json"
}

print_summary() {
  heading "Summary (build/demo/summary.json)"
  local retrained_after slices
  retrained_after=$(value completed '(.milestones.retrainedTime | micros) - (.receivedTime | micros) | . / 100000 | round / 10')
  slices=$(value completed '[.tasks[] | "slices \(.firstSlice + 1) to \(.slicesTotal) of shard \(.shard)"] | join(", ")')
  jq -r --arg retrained_after "$retrained_after" --arg delay "$RETRAIN_DELAY" --arg slices "$slices" '
    def rounded($digits): pow(10; $digits) as $scale | . * $scale | round / $scale;
    "  Test accuracy          \(.test_accuracy_before) before, \(.test_accuracy_isolated) while isolated, \(.test_accuracy_after) after",
    "  Isolated               \(.isolation_ms | rounded(2)) ms after the request was received",
    "  Retrained              \($retrained_after) s after it, of which \($delay) s are the pause that this demo asked for",
    "  Cost of the retrain    \(.retrain_seconds | rounded(2)) worker-seconds, for \($slices)",
    "  Cost of a full one     \(.full_train_seconds | rounded(2)) worker-seconds: \(.speedup | rounded(1)) times as much",
    "  From-scratch retrain   \(if .bit_exact then "gives the same bits" else "gives OTHER BITS" end)",
    "  Erasure                \(.erasure_state)",
    "  Certificate            \(if .certificate_verified then "verified without the server" else "NOT verified" end)",
    "  Server killed midway   \(if .recovered_after_restart then "the erasure was completed after the restart" else "the erasure was NOT recovered" end)"
  ' "$OUT/summary.json"
}

# Says what did not hold, and fails then.
check_summary() {
  jq -r '
    (if .test_accuracy_before < 0.86 then "the accuracy before is below 0.86" else empty end),
    (if (.test_accuracy_after - .test_accuracy_before | fabs) > 0.02 then "the accuracy after is not within 0.02 of the one before" else empty end),
    (if .erasure_state != "COMPLETED" then "the erasure is not COMPLETED" else empty end),
    (if .certificate_verified then empty else "the certificate is not verified" end),
    (if .bit_exact then empty else "training from scratch gives other bits" end),
    (if .recovered_after_restart then empty else "the second erasure was not recovered" end)
  ' "$OUT/summary.json" >"$OUT/broken"
  [[ ! -s $OUT/broken ]] || fail "$(<"$OUT/broken")"
  say && say "All of it held, in $SECONDS s."
}

main() {
  rm -rf "$OUT"
  mkdir -p "$OUT"
  heading "Build the server and the command"
  build dev expunged expunge
  use_serial_blas
  trap 'end_server TERM' EXIT
  heading "Start a server with its data in build/demo/data"
  start_server
  create_and_train
  forget_first
  forget_second_and_crash
  write_summary
  print_summary
  check_summary
}

main "$@"
