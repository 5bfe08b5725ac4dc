#!/usr/bin/env bash
# Installs what the tests need besides Go and Node, if it is missing: Chromium,
# reverse proxies, python-socketio, and the JavaScript clients and servers that the
# package-lock.json files name.
source "$(dirname "$0")/lib.sh"

# apt_install installs Debian packages. It tries twice, since mirrors and package
# scripts have their bad moments.
apt_install() {
	as_root=()
	if [[ $(id -u) -ne 0 ]]; then
		if ! ci || ! command -v sudo >/dev/null; then
			fail "missing: $*. Install it, for example with: sudo apt-get install $*"
		fi
		as_root=(sudo)
	fi
	command -v apt-get >/dev/null || fail "missing: $*, and there is no apt-get to install it with"

	# Installed services are not to be started: tests start their own.
	policy=/usr/sbin/policy-rc.d
	if [[ ! -e $policy ]]; then
		trap '"${as_root[@]}" rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
		"${as_root[@]}" chmod 755 "$policy"
	fi
	apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
	install=("${apt[@]}" install -y --no-install-recommends "$@")
	# A fresh image has no package lists, and old ones name files that are gone.
	lists=(/var/lib/apt/lists/*_Packages*)
	[[ -e ${lists[0]} ]] || "${apt[@]}" update || true
	if ! "${install[@]}"; then
		say "once more, with fresh package lists"
		"${apt[@]}" update
		"${install[@]}"
	fi
}

# need adds a package to those that are missing, unless the command that follows
# succeeds.
missing=()
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing+=("$package")
}

# has_command looks where administrators have their programs, too.
has_command() { PATH=$PATH:/usr/sbin:/sbin command -v "$1"; }

# has_modules reports whether there is a Python that has all of some modules: tests
# use only one. It looks at Debian's, too, where the packages go: another may come
# first in PATH.
has_modules() {
	for python in python3 /usr/bin/python3; do
		! "$python" -c "import $1" || return 0
	done
	return 1
}

need chromium has_command "${CHROMIUM:-chromium}"
need nginx-light has_command nginx
need haproxy has_command haproxy
if ! has_modules "socketio, requests, websocket, aiohttp" >/dev/null 2>&1; then
	# The first does not pull in the others.
	missing+=(python3-socketio python3-requests python3-websocket python3-aiohttp)
fi
if ((${#missing[@]})); then
	say "installing ${missing[*]}"
	apt_install "${missing[@]}"
fi

"$root/scripts/npm.sh" cmd/socketio/testdata/node examples examples/mounting interop parser/msgpack/interoptest
