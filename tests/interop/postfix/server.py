"""A Postfix of the tests: it takes mails on loopback, hands them to another server, and keeps what it reports."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from attrs import frozen

from ..programs import free_port, listens

BOUNCES = "bounces@hs.example.org"
"""The mailbox to which it reports."""
_PLACES = ":".join((os.environ.get("PATH", ""), "/usr/sbin"))
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.hs.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{next_port}
smtp_host_lookup = native
smtp_tls_security_level = none
virtual_mailbox_domains = hs.example.org
virtual_mailbox_maps = static:all
recipient_delimiter = +
transport_maps = texthash:{folder}/etc/transport
threepid_destination_recipient_limit = 1
delay_warning_time = 0
alias_maps =
alias_database =
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}
smtputf8_enable = no
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
threepid unix - n n - 2 pipe
  user=nobody argv=/bin/sh {folder}/etc/keep.sh {folder}/mail ${{original_recipient}}
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

# The command itself would need the files of the tests, which are for root only.
_KEEP = """
file="$(mktemp "$1/XXXXXX")"
cat > "$file" && echo "$2" > "$file.to"
"""


def missing() -> str | None:
    """Return why no Postfix can be started here; ``None`` if one can."""
    if shutil.which("postfix", path=_PLACES) is None:
        return "Postfix is not installed: run tests/interop/prepare.sh"
    return None if os.getuid() == 0 else "Postfix starts as root only, to give up its rights"


@frozen
class Postfix:
    """A running Postfix.

    * ``port``: where it takes mails.
    * ``folder``: where its files are.
    """

    port: int
    folder: Path

    def report(self, patience: float = 20) -> tuple[bytes, str]:
        """Wait for a mail to the mailbox; return what the pipe was given: the mail, and its recipient."""
        until = monotonic() + patience
        while not (found := [*(self.folder / "mail").glob("*.to")]):
            if monotonic() > until:
                raise RuntimeError((self.folder / "log" / "postfix.log").read_text("utf-8")[-4000:])
            sleep(0.05)
        return found[0].with_suffix("").read_bytes(), found[0].read_text("utf-8").strip()


@contextmanager
def postfix(next_port: int) -> Iterator[Postfix]:
    """Run a Postfix that hands mails to the server at ``next_port``."""
    # Not below a folder of pytest, which is for root only: Postfix gives its rights up. Names of sockets must be short.
    with TemporaryDirectory(prefix="postfix") as folder:
        port = free_port()
        command = _set_up(Path(folder), port, next_port)
        environment = {**os.environ, "PATH": _PLACES}
        output = (Path(folder) / "log" / "output.txt").open("wb")
        streams: Any = {"env": environment, "stdout": output, "stderr": output}
        with output, subprocess.Popen([*command, "start-fg"], **streams) as process:  # noqa: S603
            try:
                _wait(Path(folder), port, process)
                yield Postfix(port, Path(folder))
            finally:
                subprocess.run([*command, "stop"], env=environment, capture_output=True, check=False)  # noqa: S603
                process.wait(20)


def _set_up(folder: Path, port: int, next_port: int) -> list[str]:
    """Write the configuration; return the command that works with it."""
    owner = pwd.getpwnam("postfix")
    folder.chmod(0o755)
    for name in ("etc", "queue", "data", "mail", "log"):
        (folder / name).mkdir()
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    (folder / "mail").chmod(0o777)
    (folder / "etc" / "keep.sh").write_text(_KEEP)
    (folder / "etc" / "transport").write_text(f"{BOUNCES} threepid:\n")
    values = {"folder": folder, "next_port": next_port, "port": port}
    (folder / "etc" / "main.cf").write_text(_MAIN.format(**values))
    (folder / "etc" / "master.cf").write_text(_MASTER.format(**values))
    return ["postfix", "-c", str(folder / "etc")]


def _wait(folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + 30
    while not listens(port):
        if process.poll() is not None or monotonic() > until:
            logs = [path.read_text("utf-8", "replace") for path in (folder / "log").iterdir()]
            raise RuntimeError("".join(logs)[-4000:])
        sleep(0.05)
