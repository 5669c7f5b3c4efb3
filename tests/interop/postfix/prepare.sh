#!/usr/bin/env bash
# Debian's Postfix, which bounces mails for the tests; they start it with a configuration and a queue of their own.
set -euo pipefail
PATH="$PATH:/usr/sbin"
command -v postfix > /dev/null && exit 0
if ! command -v apt-get > /dev/null || [ "$(id -u)" != 0 ]; then
  echo "no apt-get here, or no root: the tests with Postfix are skipped" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Without a configuration Debian's own instance cannot start.
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
apt-get install -y -qq --no-install-recommends postfix > "$INTEROP_WORK/postfix.log" 2>&1
