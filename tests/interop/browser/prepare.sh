#!/usr/bin/env bash
# A real browser and its driver, from the system's packages, and axe-core, which looks for barriers.
set -euo pipefail
axe="${INTEROP_WORK:?run tests/interop/prepare.sh}/js"
[ -e "$axe/node_modules/axe-core" ] || npm install --silent --no-audit --no-fund --prefix "$axe" axe-core@4
command -v chromium > /dev/null && command -v chromedriver > /dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq chromium chromium-driver > "$INTEROP_WORK/chromium.log" 2>&1
