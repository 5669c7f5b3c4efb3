#!/usr/bin/env bash
# Fetch the programs these tests run against into $INTEROP_WORK; what is there already stays.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
export INTEROP_WORK="${INTEROP_WORK:-$here/../../.ci/work/interop}"
mkdir -p "$INTEROP_WORK"
INTEROP_WORK="$(cd "$INTEROP_WORK" && pwd)"

# program NAME REQUIREMENT...: an environment of its own, since the programs pin versions that exclude each other.
program() {
  local place="$INTEROP_WORK/$1"
  shift
  [ -e "$place/complete" ] && return
  "${PYTHON:-python3}" -m venv --clear "$place"
  "$place/bin/pip" -q --disable-pip-version-check install "$@"
  touch "$place/complete"
}

# Synapse also runs this library, on both its engines, and tests of it.
program synapse 'matrix-synapse[redis]' psycopg2-binary pytest pytest-timeout -e "$here/../..[twilio]"
# The oldest Synapse of the range in docs/hosts/synapse.md. It makes a generic class of prometheus_client's Collector,
# which Python refuses since that is abstract (0.24), and needs txredisapi of its time.
program synapse-oldest 'matrix-synapse[redis]==1.139.*' 'txredisapi<1.6' 'prometheus_client<0.24' \
  psycopg2-binary pytest pytest-timeout -e "$here/../..[twilio]"
# Sydent signs with an older canonicaljson than its packages ask for, and imports two packages they do not name.
program sydent matrix-sydent==2.6.1 canonicaljson==1.5.0 signedjson==1.1.1 prometheus_client sentry-sdk

for script in "$here"/*/prepare.sh; do
  if [ -e "$script" ]; then
    bash "$script"
  fi
done
