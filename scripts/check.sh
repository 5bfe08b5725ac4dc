#!/usr/bin/env bash
# What every change must pass, in less than a minute: formatting, go vet and
# staticcheck in all modules, the English of comments, and the tests of the core module.
source "$(dirname "$0")/lib.sh"

# Tests wait more than they compute, so they run beside the other checks. They have a
# process group of their own, so that the end of the script ends all their programs.
output=$(mktemp)
set -m
go test -parallel=4 ./... </dev/null >"$output" 2>&1 &
tests=$!
set +m
trap 'kill -INT -- "-$tests" 2>/dev/null && wait "$tests" || true; rm -f "$output"' EXIT

say "gofmt"
unformatted=$(find . -name node_modules -prune -o -name '*.go' -print0 | xargs -0 gofmt -l)
[[ -z $unformatted ]] || fail "not formatted (make fmt does it):"$'\n'"$unformatted"

say "package-lock.json files name no registry"
if find . -name node_modules -prune -o -name package-lock.json -print0 | xargs -0 grep -n '"resolved"'; then
	fail 'remove the "resolved" lines, or set omit-lockfile-registry-resolved=true in your .npmrc'
fi

say "English of comments and pages (go -C internal/tools run ./english -h)"
go -C internal/tools run ./english -root "$root"

staticcheck=$(go -C internal/tools tool -n staticcheck)
for module in $(modules); do
	say "go vet and staticcheck in $module"
	go -C "$module" vet ./...
	(cd "$module" && "$staticcheck" ./...)
done

say "go test"
passed=true
wait "$tests" || passed=false
cat "$output"
$passed || fail "tests failed"
