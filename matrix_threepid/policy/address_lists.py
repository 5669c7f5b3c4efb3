"""``AddressLists``: rules on addresses from files, which are read again when they change.

For lists of disposable mail domains, for a company's own domains, and for single addresses and numbers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen

from ..model.threepid import Medium, Purpose, Threepid
from ..offload import Offload
from ..protocol.errors import ConfigurationError, Unavailable
from ..threads import Threads

_log = logging.getLogger("matrix_threepid")
_MOST_BYTES = 64 * 1024 * 1024
_LONGEST_NUMBER = 15
Stamp = tuple[int, int, int]
"""What tells that a file is another one than before: its inode, size, and time of change in ns."""


class MailDomains(Protocol):
    """Tells whether mail domains take mail, such as by their MX records."""

    def takes_mail(self, domain: str) -> Awaitable[bool]:
        """Return ``False`` if a domain takes no mail; raise ``Unavailable`` if nobody answers.

        * ``domain``: the domain in lower-case ASCII.
        """


@frozen
class _Listed:
    """The entries of a file.

    * ``stamp``: of the file that was read.
    * ``entries``: domains, addresses and numbers in canonical form.
    """

    stamp: Stamp
    entries: frozenset[str]

    def has(self, threepid: Threepid) -> bool:
        """Return whether an address is listed: itself, its domain or one above it, or the beginning of its number."""
        return not self.entries.isdisjoint(_names(threepid))


def _names(threepid: Threepid) -> Iterable[str]:
    if threepid.medium is Medium.EMAIL:
        local, _, domain = threepid.address.rpartition("@")
        labels = _ascii(domain).split(".")
        yield f"{local}@{'.'.join(labels)}"
        yield from (".".join(labels[first:]) for first in range(len(labels)))
    else:
        yield from (f"+{threepid.address[:length]}" for length in range(1, _LONGEST_NUMBER + 1))


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


@define(kw_only=True)
class AddressLists:
    """``AddressRules`` by files of allowed and refused addresses, and by mail domains that take no mail.

    A file has an entry a line: a mail domain, which stands for those below it as well (``example.org``), a mail
    address, or the beginning of a number (``+4477``). Empty lines and what follows a ``#`` are skipped. A file that
    changes is read again within ``every`` ms; if it cannot be read any more, what it held before stays in force and a
    warning is logged. An address that is to reset a password is not judged, so that no user is locked out.

    * ``allow``: the file of the only addresses that are taken; ``None`` (default) for all.
    * ``deny``: the file of addresses that are refused, also if ``allow`` has them; ``None`` (default) for none.
    * ``mail_domains``: tells whether a mail domain takes mail; without an answer the address is taken. Default
      ``None``: it is not asked.
    * ``every``: the ms after which a file is looked at again; default 10,000.
    * ``offload``: reads the files beside the event loop; default threads of its own.

    Raises ``ConfigurationError`` for a file that cannot be read when the rules are made.
    """

    allow: Path | None = field(default=None, converter=_path)
    deny: Path | None = field(default=None, converter=_path)
    mail_domains: MailDomains | None = field(default=None, repr=False)
    every: int = 10_000
    offload: Offload = field(factory=lambda: Threads(1), repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _kept: dict[Path, _Listed] = field(init=False, factory=dict, repr=False)
    _looked_at: float = field(init=False, default=0.0, repr=False)

    def __attrs_post_init__(self) -> None:
        self._kept = {
            path: _first(name, path) for name, path in (("allow", self.allow), ("deny", self.deny)) if path is not None
        }
        self._looked_at = self.clock()

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        if purpose is Purpose.PASSWORD:
            return True
        if (self.clock() - self._looked_at) * 1000 >= self.every:
            # Noted before the files are read, so that requests at the same time do not read them as well.
            self._looked_at = self.clock()
            await self.offload(self._read_again)
        if self.deny is not None and self._kept[self.deny].has(threepid):
            return False
        if self.allow is not None and not self._kept[self.allow].has(threepid):
            return False
        return await self._takes_mail(threepid)

    async def _takes_mail(self, threepid: Threepid) -> bool:
        if self.mail_domains is None or threepid.medium is not Medium.EMAIL:
            return True
        try:
            return await self.mail_domains.takes_mail(_ascii(threepid.address.rpartition("@")[2]))
        except Unavailable:
            return True  # an outage of name servers must not turn users away: the mail shows it

    def _read_again(self) -> None:
        for path, listed in list(self._kept.items()):
            try:
                self._kept[path] = _read(path, listed)
            except (OSError, ValueError) as error:  # noqa: PERF203  each file for itself
                _log.warning("address list %s: %s; what it held before stays in force", path.name, _reason(error))


def _first(name: str, path: Path) -> _Listed:
    try:
        return _read(path, None)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"AddressLists: {name}: {_reason(error)}") from None


def _read(path: Path, known: _Listed | None) -> _Listed:
    """Return the entries of a file, those that are known if it is the same. Raises ``OSError`` or ``ValueError``."""
    told = path.stat()
    stamp = (told.st_ino, told.st_size, told.st_mtime_ns)
    if known is not None and known.stamp == stamp:
        return known
    if told.st_size > _MOST_BYTES:
        raise ValueError("is larger than 64 MiB")
    lines = path.read_text("utf-8").splitlines()
    entries = (line.partition("#")[0].strip().casefold() for line in lines)
    return _Listed(stamp, frozenset(filter(None, map(_canonical, entries))))


def _canonical(entry: str) -> str:
    """Return an entry as addresses are compared: domains in ASCII, numbers as digits after a plus sign."""
    if entry.startswith("+"):
        return "+" + "".join(filter(str.isdecimal, entry))
    local, at, domain = entry.rpartition("@")
    return f"{local}{at}{_ascii(domain.strip('.'))}"


def _ascii(domain: str) -> str:
    import idna

    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")


def _reason(error: OSError | ValueError) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or ("holds a domain that is none" if isinstance(error, UnicodeError) else str(error))
