#!/usr/bin/env bash
# Everything: the checks, and all tests of all modules, with the race detector.
source "$(dirname "$0")/lib.sh"

scripts/setup.sh
scripts/check.sh
scripts/lint.sh
if ci; then
	scripts/tidy.sh
fi

# What is special about a platform must not break the others.
for target in windows/amd64 darwin/arm64 linux/386; do
	for module in . ./cmd/socketio ./examples; do
		say "go vet for $target in $module"
		CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} go -C "$module" vet ./...
	done
done

scripts/release-check.sh
scripts/api-diff.sh
for module in $(modules); do
	scripts/test-module.sh "$module"
done

say "everything passed in $(elapsed)"
