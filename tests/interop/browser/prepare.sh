#!/usr/bin/env bash
# A real browser and its driver, from the system's packages; axe-core, which looks for barriers; and caniemail, which
# knows what mail programs leave out.
set -euo pipefail
js="${INTEROP_WORK:?run tests/interop/prepare.sh}/js"
for package in axe-core@4 caniemail@2; do
  [ -e "$js/node_modules/${package%@*}" ] || npm install --silent --no-audit --no-fund --prefix "$js" "$package"
done
command -v chromium > /dev/null && command -v chromedriver > /dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq chromium chromium-driver > "$INTEROP_WORK/chromium.log" 2>&1
