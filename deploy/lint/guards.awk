# awk -f guards.awk HEADER...: prints each header whose include guard is not EXPUNGE_<FOLDER>_<FILE>_H_.

function check() {
  if (file != "" && !(opened && defined && closed)) print file ":1: the include guard should be " guard
}

FNR == 1 {
  check()
  file = FILENAME
  guard = FILENAME
  sub(/^server\//, "", guard)
  sub(/^tests\/testing\//, "testing/", guard)
  gsub(/[^A-Za-z0-9]/, "_", guard)
  guard = "EXPUNGE_" toupper(guard) "_"
  opened = defined = closed = 0
}

$0 == "#ifndef " guard { opened = 1 }
$0 == "#define " guard { defined = opened }
{ closed = ($0 == "#endif  // " guard) }
END { check() }
