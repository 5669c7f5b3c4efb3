#!/usr/bin/env bash
# Unpack Debian's PgBouncer, and what it is linked to, into $INTEROP_WORK/pgbouncer; nothing is installed or started.
set -euo pipefail
place="${INTEROP_WORK:?run tests/interop/prepare.sh}/pgbouncer"
[ -e "$place/complete" ] && exit
if ! command -v apt-get > /dev/null || ! command -v dpkg > /dev/null; then
  echo "no apt-get here: the tests with PgBouncer are skipped" >&2
  exit 0
fi
mkdir -p "$place"
[ "$(id -u)" != 0 ] || apt-get update -qq
(cd "$place" && apt-get download -qq pgbouncer libc-ares2 libevent-2.1-7 2> "$place/log")
for package in "$place"/*.deb; do
  dpkg -x "$package" "$place"
done
touch "$place/complete"
