#!/usr/bin/env bash
# Publishes the modules that are released to a folder that serves as a module proxy, and
# uses them from there as others do, outside of the repository and without replace: a
# program imports all their packages, and go install installs their commands.
source "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
version=v0.0.1-check

release=$work/release
go -C internal/tools build -o "$release" ./release
"$release" proxy "$version" "$work/proxy"

# packages lists the packages of a kind, main or not, that others can use.
packages() {
	"$release" list | while read -r module; do
		go -C "$module" list -f "{{if $1}}{{.ImportPath}}{{end}}" ./... | grep -v /internal/ || true
	done
}
libraries=$(packages 'ne .Name "main"')
commands=$(packages 'eq .Name "main"')
[[ -n $libraries && -n $commands ]] || fail "there are no packages to use"

# What others have published comes from the module cache, or from where it always does.
# Ours is in no checksum database. A cache of its own forgets the version afterwards.
GOPROXY=file://$work/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)
export GOPROXY GOMODCACHE=$work/cache GOBIN=$work/bin GOSUMDB=off GOFLAGS="-mod=mod -trimpath"

say "a program with all packages, at $version"
mkdir "$work/consumer"
cp internal/tools/release/testdata/consumer/main.go "$work/consumer"
cd "$work/consumer"
{
	echo "package main"
	for library in $libraries; do
		echo "import _ \"$library\""
	done
} >packages.go
go mod init example.com/consumer 2>/dev/null
for library in $libraries; do
	echo "$library@$version"
done | xargs go get
go vet .
result=$(go run .)
[[ $result == "1 + 2 = [3]" ]] || fail "the program printed: $result"
echo "$result"

cd "$work"
for command in $commands; do
	say "go install $command@$version"
	go install "$command@$version"
	go version -m "$GOBIN/${command##*/}" | grep -F "$version" || fail "$command was built with another version"
done
