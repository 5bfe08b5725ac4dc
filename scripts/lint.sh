#!/usr/bin/env bash
# Runs golangci-lint, with all linters except those that .golangci.yml lists with a
# reason, in all modules, or in those whose folders are given.
source "$(dirname "$0")/lib.sh"

lint=$(go -C internal/tools/lint tool -n golangci-lint)
if (($# == 0)); then
	mapfile -t folders < <(modules)
	set -- "${folders[@]}"
fi
for module in "$@"; do
	say "golangci-lint in $module"
	(cd "$module" && "$lint" run --config "$root/.golangci.yml" --allow-parallel-runners ./...)
done
