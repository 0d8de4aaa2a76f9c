#!/usr/bin/env bash
# Installs what is missing of deploy/packages.txt. With section names as arguments, only of those sections.
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LOG=$ROOT/build/setup.log

wanted_packages() {
  awk -v sections=" $* " '
    match($0, /^# \[.*\]/) { section = substr($0, 4, RLENGTH - 4) }
    { sub(/#.*/, "") }
    NF && (sections == "  " || index(sections, " " section " ")) { print $1 }
  ' "$ROOT/deploy/packages.txt"
}

missing_packages() {
  local packages
  mapfile -t packages < <(wanted_packages "$@")
  ((${#packages[@]} > 0)) || fail "deploy/packages.txt has no section named '$*'"
  # dpkg-query's complaints about unknown packages are what is asked for here.
  { dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true; } |
    awk -v packages="${packages[*]}" '
      $1 == "installed" { installed[$2] = 1 }
      END {
        count = split(packages, names, " ")
        for (i = 1; i <= count; ++i) if (!(names[i] in installed)) print names[i]
      }'
}

# Root's apt-get, whoever we are.
apt_get() {
  local as_root=()
  ((EUID == 0)) || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq "$@"
}

install_packages() {
  # A fresh or an old machine has no list, or an outdated one, of what there is to install.
  apt_get install --yes --no-install-recommends "$@" && return
  apt_get update || echo "apt-get update failed; going on with what is known"
  apt_get install --yes --no-install-recommends "$@"
}

main() {
  local missing
  type dpkg-query apt-get >/dev/null 2>&1 ||
    fail "this set-up needs apt-get and dpkg: Expunge is built on Debian 12 from Debian's own packages"
  missing=$(missing_packages "$@")
  [[ -n $missing ]] || return 0
  mapfile -t missing <<<"$missing"
  ((EUID == 0)) || type sudo >/dev/null 2>&1 ||
    fail "missing packages, and neither root nor sudo to install them: ${missing[*]}"
  say "Installing ${#missing[@]} missing packages (log: $LOG)"
  quietly "$LOG" install_packages "${missing[@]}"
}

main "$@"
