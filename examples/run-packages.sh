#!/usr/bin/env bash
# Runs every example under `chalcid` and under Node and compares what they print and the files they write.
#
#     examples/run-packages.sh [CHALCID [NODE]]
#
# Needs npm and the network once, to install the packages that examples/packages/package.json names.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
chalcid="$(realpath "${1:-$here/../target/release/chalcid}")"
node="$(command -v "${2:-node}")"
[ -x "$chalcid" ] || { echo "$chalcid is not there: cargo build --release" >&2; exit 1; }

(cd "$here/packages" && mkdir -p out && npm install --no-audit --no-fund --no-package-lock --silent)

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
same=0 different=0

# compare FILE: both runtimes run it; output, exit status and everything in packages/out/ must be the same.
compare() {
  local file="$here/$1" runtime
  for runtime in chalcid node; do
    rm -f "$here"/packages/out/*
    local command=("$chalcid" "$file")
    [ "$runtime" = node ] && command=("$node" --import "$here/node-fetch.mjs" "$file")
    local status=0
    "${command[@]}" >"$work/$runtime.txt" 2>"$work/$runtime.err" || status=$?
    echo "status $status" >>"$work/$runtime.txt"
    (cd "$here/packages/out" && for f in *; do [ -e "$f" ] && cksum "$f"; done || true) >>"$work/$runtime.txt"
  done
  if diff -u --label node --label chalcid "$work/node.txt" "$work/chalcid.txt"; then
    echo "same       $1"
    same=$((same + 1))
  else
    echo "DIFFERENT  $1"
    cat "$work/chalcid.err"
    different=$((different + 1))
  fi
}

for example in hello streaming memory-views callback-table throwing-imports; do
  compare "$example/main.mjs"
done
for program in sqlite hashes drawing; do
  compare "packages/$program.mjs"
done
echo "$same the same, $different different"
[ "$different" -eq 0 ]
