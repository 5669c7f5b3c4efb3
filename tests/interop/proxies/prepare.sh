#!/usr/bin/env bash
# The reverse proxies of the docs, and the Redis of Synapse's workers, from the system's packages; the tests start them.
set -euo pipefail
PATH="$PATH:/usr/sbin"
command -v nginx > /dev/null && command -v haproxy > /dev/null && command -v redis-server > /dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends nginx-light haproxy redis-server > "$INTEROP_WORK/proxies.log" 2>&1
