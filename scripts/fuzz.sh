#!/usr/bin/env bash
# Runs each fuzz target of the core module for FUZZTIME (default 30s).
source "$(dirname "$0")/lib.sh"

count=0
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		say "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"
		count=$((count + 1))
	done
done
[[ $count -gt 0 ]] || fail "there are no fuzz targets"
say "$count fuzz targets passed in $(elapsed)"
