# What ./dev and the scripts beside this file share. Sourced, never run.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Figures are written with a point, whatever the language of the terminal.
export LANG=${LC_ALL:-${LANG:-C}} LC_NUMERIC=C LC_COLLATE=C
unset LC_ALL

say() { printf '%s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# quietly LOG COMMAND...: the command's output goes to the log, and its end to the terminal when it fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! ("$@") >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    fail "'$*' failed; all of its output is in $log"
  fi
}

# One job for each core, as long as each has 1.5 GB: what a source that includes LibTorch takes.
build_jobs() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo)
  ((by_memory < cores)) && cores=$by_memory
  echo $((cores > 0 ? cores : 1))
}

# configure PRESET, in build/PRESET, unless that is done. Ninja notices later changes of the CMake files by itself.
configure() {
  local done=$ROOT/build/$1/configured
  [[ ! -f $done || $ROOT/CMakePresets.json -nt $done ]] || return 0
  say "Configuring build/$1"
  quietly "$ROOT/build/$1.configure.log" cmake -S "$ROOT" --preset "$1"
  touch "$done"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  configure "$preset"
  ninja -C "$ROOT/build/$preset" -j "$(build_jobs)" "$@"
}

# Debian lets several BLAS libraries stand in for one another, and training is ten times slower, or slower with more
# workers, with any but the serial OpenBLAS. Where another one is selected, our programs get the right one all the
# same and the machine's own choice stays as it is.
use_serial_blas() {
  local directory selected
  directory=$(dpkg-query --listfiles libopenblas0-serial | grep '/openblas-serial$')
  selected=$(readlink -f "$(dirname "$directory")/libblas.so.3")
  [[ $selected == "$directory"/* ]] || export LD_LIBRARY_PATH=$directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

# Our C++ sources, NUL-separated, relative to the repository.
our_cpp() {
  (cd "$ROOT" && find server storage admin client tests \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z)
}
