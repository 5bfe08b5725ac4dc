#!/usr/bin/env bash
# Compares the exported API of the released modules with the last release, or with the
# given commit. What is incompatible has to be in the Unreleased part of CHANGELOG.md, by
# its name.
source "$(dirname "$0")/lib.sh"

base=${1:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)}
if [[ -z $base ]]; then
	say "api-diff: there is no release yet to compare with"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/base"
git archive "$base" | tar -x -C "$work/base"
release=$work/release
go -C internal/tools build -o "$release" ./release
apidiff=$(go -C internal/tools tool -n apidiff)
unreleased=$(awk '/^## /{on = ($2 == "Unreleased")} on' CHANGELOG.md)

# export_api writes what a module exports to a file.
export_api() { (cd "$1" && "$apidiff" -m -w "$3" "$2" 2> >(grep -v '^Ignoring internal package' >&2)); }

missing=()
for module in $("$release" list); do
	[[ -e $work/base/$module/go.mod ]] || continue # new since then
	path=$(go -C "$module" list -m)
	export_api "$work/base/$module" "$path" "$work/old"
	export_api "$module" "$path" "$work/new"
	say "API of $path since $base"
	changes=$("$apidiff" -m -incompatible "$work/old" "$work/new")
	[[ -z $changes ]] || echo "$changes"
	# "- ./engine.(*Conn).Send: changed from …": the name is Send.
	for name in $(sed -n 's/^- \([^ :]*\).*/\1/p' <<<"$changes" | sed 's/.*[./]//' | sort -u); do
		grep -qw -- "$name" <<<"$unreleased" || missing+=("$name")
	done
done
((${#missing[@]} == 0)) || fail "CHANGELOG.md, Unreleased, does not name these incompatible changes: ${missing[*]}"
