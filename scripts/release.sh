#!/usr/bin/env bash
# Makes the commit and the tags of a release: scripts/release.sh v1.2.3. It pushes
# nothing. See docs/release.md.
source "$(dirname "$0")/lib.sh"

version=${1:-}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || fail "usage: scripts/release.sh v1.2.3"
[[ -z $(git status --porcelain) ]] || fail "there are changes that are not committed"
grep -q "^## ${version#v}" CHANGELOG.md || fail "CHANGELOG.md has no section ## ${version#v}"

scripts/release-check.sh
base=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'git worktree remove --force "$work/tree"; rm -rf "$work"' EXIT
go -C internal/tools build -o "$work/release" ./release
git worktree add --detach "$work/tree" "$base"
cd "$work/tree"
"$work/release" prepare "$version"
git commit --quiet --all --allow-empty -m "release: $version"
tags=()
for module in $("$work/release" list); do
	tag=$version
	[[ $module == . ]] || tag=$module/$version
	git tag -a -m "$tag" "$tag"
	tags+=("$tag")
done
say "done; look at it, and publish it with:"
echo "git push --atomic origin ${tags[*]}"
