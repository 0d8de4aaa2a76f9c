# awk -f layers.awk layers.txt SOURCE...: prints each include that layers.txt does not allow.

function folder_of(path, parts, count) {
  count = split(path, parts, "/")
  if (parts[1] != "server") return parts[1]
  return count == 2 ? "main" : parts[2]
}

function allowed(folder, target) {
  return folder == target || (folder, target) in may_include
}

# The heavy groups that including `path` brings in, each with a space on both sides.
function heavy_of(path, i, found, parts, count, j) {
  if (path in heavy_known) return heavy_known[path]
  heavy_known[path] = " "  # while it is computed: a cycle of includes adds nothing
  found = " "
  for (i = 1; i <= include_count[path]; ++i) {
    count = split(included_heavy[path, i] heavy_of(included_path[path, i]), parts, " ")
    for (j = 1; j <= count; ++j) if (!index(found, " " parts[j] " ")) found = found parts[j] " "
  }
  return heavy_known[path] = found
}

function complain(path, line, message) {
  print path ":" line ": " message
}

FNR == 1 {
  table = FILENAME ~ /layers\.txt$/
  if (!table) folder[FILENAME] = folder_of(FILENAME)
}

table && $1 == "layer" {
  layers[$2] = 1
  for (i = 3; i <= NF; ++i) may_include[$2, $i] = 1
}

table && $1 == "group" {
  for (i = ($3 == "heavy" ? 4 : 3); i <= NF; ++i) group_of_prefix[$i] = $2
  if ($3 == "heavy") heavy[$2] = 1
}

!table && /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  target = $0
  sub(/^[^<"]*[<"]/, "", target)
  sub(/[>"].*$/, "", target)
  at = ++include_count[FILENAME]
  included_line[FILENAME, at] = FNR
  included_name[FILENAME, at] = target
  quoted[FILENAME, at] = /"/
}

END {
  for (path in folder) path_of_name[path] = path
  for (path in folder) {
    name = path
    sub(/^server\//, "", name)
    path_of_name[name] = path
  }
  for (path in folder) {
    for (i = 1; i <= include_count[path]; ++i) {
      name = included_name[path, i]
      for (prefix in group_of_prefix) {
        if (index(name, prefix) == 1) included_group[path, i] = group_of_prefix[prefix]
      }
      if (name ~ /\.grpc\.pb\.h$/) included_heavy[path, i] = "grpc "
      if (included_group[path, i] in heavy) included_heavy[path, i] = included_group[path, i] " "
      if (name in path_of_name) included_path[path, i] = path_of_name[name]
    }
  }
  for (path in folder) {
    if (!(folder[path] in layers)) complain(path, 1, "deploy/lint/layers.txt has no layer '" folder[path] "'")
    for (i = 1; i <= include_count[path]; ++i) {
      name = included_name[path, i]
      line = included_line[path, i]
      group = included_group[path, i]
      other = included_path[path, i]
      if (group != "" && !allowed(folder[path], group)) {
        complain(path, line, folder[path] " must not include " group " (" name ")")
      } else if (other != "" && !allowed(folder[path], folder[other])) {
        complain(path, line, folder[path] " must not include " folder[other] " (" name ")")
      } else if (other != "" || group in heavy) {
        count = split(other != "" ? heavy_of(other) : "", parts, " ")
        for (j = 1; j <= count; ++j) {
          if (!allowed(folder[path], parts[j])) complain(path, line, name " brings " parts[j] " into " folder[path])
        }
      } else if (quoted[path, i] && name !~ /\//) {
        complain(path, line, "\"" name "\" is included without its folder")
      }
    }
  }
}
