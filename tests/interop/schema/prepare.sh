#!/usr/bin/env bash
# Make an environment with Schemathesis and this library in $INTEROP_WORK/schemathesis; what is there already stays.
set -euo pipefail
place="${INTEROP_WORK:?run tests/interop/prepare.sh}/schemathesis"
[ -e "$place/complete" ] && exit
root="$(cd "$(dirname "$0")/../../.." && pwd)"
"${PYTHON:-python3}" -m venv --clear "$place"
"$place/bin/pip" -q --disable-pip-version-check install 'schemathesis==4.32.5' -e "$root[signing,phone]"
touch "$place/complete"
