#!/usr/bin/env bash
# Runs each fuzz target of all modules for FUZZTIME (default 30s).
source "$(dirname "$0")/lib.sh"

count=0
for module in $(modules); do
	for package in $(go -C "$module" list ./...); do
		for target in $(go -C "$module" test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
			say "$package $target"
			go -C "$module" test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"
			count=$((count + 1))
		done
	done
done
[[ $count -gt 0 ]] || fail "there are no fuzz targets"
say "$count fuzz targets passed in $(elapsed)"
