# Sourced by the other scripts: strict mode, the root of the repository as the
# current folder, and what they share.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

# Each module is tested as its go.mod says, whatever workspace it lies in.
export GOWORK=off

ci() { [[ ${CI:-} == true ]]; }

say() { printf '\n==> %s\n' "$*"; }

fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# modules lists the folders of all Go modules, the root first.
modules() {
	find . -name node_modules -prune -o -name testdata -prune -o -name go.mod -print |
		sed 's|/go.mod$||' | sort
}

# elapsed prints the time since the script started.
elapsed() { printf '%dm%02ds' $((SECONDS / 60)) $((SECONDS % 60)); }
