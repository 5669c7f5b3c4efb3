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
# old_synapse NAME VERSION REQUIREMENT...: one that needs older helpers. It makes a generic class of prometheus_client's
# Collector, which Python refuses since that is abstract (0.24), and needs txredisapi of its time.
old_synapse() {
  program "$1" "matrix-synapse[redis]==$2.*" 'txredisapi<1.6' 'prometheus_client<0.24' \
    psycopg2-binary pytest pytest-timeout -e "$here/../..[twilio]" "${@:3}"
}
# The oldest Synapse for all parts, by docs/hosts/synapse.md. It uses a private name of Twisted's that went with 24.7, and
# with a newer pyOpenSSL that Twisted serves no TLS.
old_synapse synapse-oldest 1.114 'Twisted<24.7' 'pyOpenSSL<24.3' 'service-identity<24.3'
if [ -n "${INTEROP_VERSIONS:-}" ]; then
  # One that is refused, the oldest for some parts, and some between the oldest and the newest.
  for version in 1.94 1.95 1.128 1.139 1.146 1.155; do
    old_synapse "synapse-$version" "$version"
  done
fi
# Sydent signs with an older canonicaljson than its packages ask for, and imports two packages they do not name.
program sydent matrix-sydent==2.6.1 canonicaljson==1.5.0 signedjson==1.1.1 prometheus_client sentry-sdk

for script in "$here"/*/prepare.sh; do
  if [ -e "$script" ]; then
    bash "$script"
  fi
done
