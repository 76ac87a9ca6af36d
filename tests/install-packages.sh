#!/usr/bin/env bash
# Installs the Debian packages of tests/packages.txt that are missing, or those that are named as
# arguments. Asks for nothing and does nothing where all are there; elsewhere than on Debian it says
# what is needed. Services that a package brings are not started.
set -euo pipefail

list="$(dirname "$0")/packages.txt"
packages=("$@")
if [ "${#packages[@]}" -eq 0 ]; then
    mapfile -t packages < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$list")
fi
if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system; needed is what Debian calls: ${packages[*]}" >&2
    exit 0
fi
missing=()
for package in "${packages[@]}"; do
    state="$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)"
    if [ "$state" != installed ]; then
        missing+=("$package")
    fi
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "as root, install: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    sudo=(sudo)
fi
echo "installing ${missing[*]}"
# Debian's way to say that nothing is to be started: a policy, see invoke-rc.d(8). It is taken away
# again; one that the host has already is left alone. A service may still be enabled for the next
# boot: `systemctl disable prometheus` where that is not wanted.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${sudo[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod 0755 "$policy"
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}"
