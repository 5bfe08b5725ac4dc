#!/usr/bin/env bash
# Installs the npm packages of the given folders, unless they are what
# package-lock.json says already.
source "$(dirname "$0")/lib.sh"

command -v npm >/dev/null || fail "Node.js with npm is missing; the JavaScript clients need it"
for folder in "$@"; do
	[[ -e $folder/package-lock.json ]] || continue
	installed=$folder/node_modules/.package-lock.json
	if [[ ! -e $installed || $folder/package-lock.json -nt $installed ]]; then
		say "npm ci in $folder"
		(cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts)
	fi
done
