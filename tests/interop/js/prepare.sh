#!/usr/bin/env bash
# Fetch matrix-js-sdk into $INTEROP_WORK/js; what is there already stays.
set -euo pipefail
place="${INTEROP_WORK:?run tests/interop/prepare.sh}/js"
[ -e "$place/complete" ] && exit
mkdir -p "$place"
# The last release for Node 20.
npm install --silent --no-audit --no-fund --prefix "$place" matrix-js-sdk@37.5.0
touch "$place/complete"
