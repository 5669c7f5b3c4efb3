#!/usr/bin/env bash
# A real browser and its driver, from the system's packages.
set -euo pipefail
command -v chromium > /dev/null && command -v chromedriver > /dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq chromium chromium-driver > "$INTEROP_WORK/chromium.log" 2>&1
