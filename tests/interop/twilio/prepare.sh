#!/usr/bin/env bash
# Fetch Prism and Twilio's OpenAPI documents into $INTEROP_WORK/twilio; what is there already stays.
set -euo pipefail
place="${INTEROP_WORK:?run tests/interop/prepare.sh}/twilio"
[ -e "$place/complete" ] && exit
mkdir -p "$place"
npm install --silent --no-audit --no-fund --prefix "$place" @stoplight/prism-cli@5.14.2 @twilio-alpha/mcp@0.7.0
touch "$place/complete"
