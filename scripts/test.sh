#!/usr/bin/env bash
# Everything: the checks, and all tests of all modules, with the race detector.
source "$(dirname "$0")/lib.sh"

scripts/setup.sh
scripts/check.sh
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

say "go test -race"
go test -race -shuffle=on ./...

# The other modules test with programs that go test knows nothing of (browsers,
# Node), so what it remembers of earlier runs may be out of date: -count=1. Some of
# these are restarted at the port that they had, so one package at a time: -p=1.
for module in $(modules); do
	case $module in
	.) continue ;;
	esac
	say "go test -race in $module"
	go -C "$module" test -race -count=1 -p=1 ./...
done

say "everything passed in $(elapsed)"
