# awk -f protos.awk PROTO...: prints each field and rpc that is not documented. A comment stands behind it, or above it;
# one comment may serve the fields directly below one another, up to a blank line or the next comment.

FNR == 1 { documented = 0 }

/^[ \t]*\/\// { documented = 1; next }

/^[ \t]*((repeated|optional)[ \t]+)?(map<.*>|[A-Za-z_][A-Za-z0-9_.]*)[ \t]+[a-z][a-z0-9_]*[ \t]*=[ \t]*[0-9]+/ ||
/^[ \t]*rpc[ \t]/ {
  if (!documented && $0 !~ /\/\//) {
    text = $0
    sub(/^[ \t]+/, "", text)
    print FILENAME ":" FNR ": not documented: " text
  }
  next
}

NF == 0 || /[{}]/ { documented = 0 }
