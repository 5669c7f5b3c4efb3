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
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
recipient_delimiter = +
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
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
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

    def reports(self, count: int, patience: float = 20) -> list[bytes]:
        """Wait for so many mails in the mailbox, and return them."""
        until = monotonic() + patience
        while len(found := sorted((self.folder / "mail").glob("all/new/*"))) < count:
            if monotonic() > until:
                raise RuntimeError((self.folder / "log" / "postfix.log").read_text("utf-8")[-4000:])
            sleep(0.05)
        return [path.read_bytes() for path in found]


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
    for name in ("data", "mail"):
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    values = {"folder": folder, "next_port": next_port, "port": port, "uid": owner.pw_uid, "gid": owner.pw_gid}
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
