#!/usr/bin/env bash
# Tests the module in a folder with the race detector.
source "$(dirname "$0")/lib.sh"

module=$1
flags=(-race)
if [[ $module == . ]]; then
	flags+=(-shuffle=on -parallel=4) # tests wait more than they compute
else
	# These test with programs that go test knows nothing of (browsers, Node), so what it
	# remembers of earlier runs may be out of date. Some of these are restarted at the port
	# that they had, so one package at a time.
	flags+=(-count=1 -p=1)
fi
say "go test ${flags[*]} in $module"
go -C "$module" test "${flags[@]}" ./...
