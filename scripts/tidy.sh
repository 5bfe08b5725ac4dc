#!/usr/bin/env bash
# Tidies go.mod and go.sum of all modules. With CI=true it changes nothing, and
# fails when there is something to tidy.
source "$(dirname "$0")/lib.sh"

for module in $(modules); do
	say "go mod tidy in $module"
	if ci; then
		go -C "$module" mod tidy -diff
	else
		go -C "$module" mod tidy
	fi
done
