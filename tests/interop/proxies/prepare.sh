#!/usr/bin/env bash
# The reverse proxies of the docs, from the system's packages; nobody starts them but the tests.
set -euo pipefail
PATH="$PATH:/usr/sbin"
command -v nginx > /dev/null && command -v haproxy > /dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends nginx-light haproxy > "$INTEROP_WORK/proxies.log" 2>&1
