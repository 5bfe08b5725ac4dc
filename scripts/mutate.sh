#!/usr/bin/env bash
# Changes a package (default ./client, then ./engine) in many small ways and lists the
# changes that its tests do not notice. It takes an hour or more; further arguments are
# flags of internal/tools/mutate, such as -files backoff or -most 100.
source "$(dirname "$0")/lib.sh"

packages=(./client ./engine)
if [[ ${1:-} == ./* ]]; then
	packages=("$1")
	shift
fi
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
go -C internal/tools build -o "$tool/mutate" ./mutate
for package in "${packages[@]}"; do
	say "changes of $package that survive its tests"
	"$tool/mutate" "$@" "$package"
done
