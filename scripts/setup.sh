#!/usr/bin/env bash
# Installs what the tests need besides Go and Node, if it is missing: Chromium, and
# the JavaScript clients that the package-lock.json files name.
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
	if ! "${install[@]}"; then
		say "once more, with fresh package lists"
		"${apt[@]}" update
		"${install[@]}"
	fi
}

if [[ ! -x /usr/bin/chromium ]] && ! command -v "${CHROMIUM:-chromium}" >/dev/null; then
	say "installing Chromium"
	apt_install chromium
fi

"$root/scripts/npm.sh" examples interop
