"""Whether a mail domain takes mail, by its MX records or, without any, by its addresses.

Source: https://www.rfc-editor.org/rfc/rfc5321#section-5.1, https://www.rfc-editor.org/rfc/rfc7505.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field

from ..offload import Offload
from ..protocol.errors import Unavailable
from ..threads import Threads

_AT_ONCE = 4
Ask = Callable[[str, float], bool]
"""Returns whether a domain takes mail, within so many s; blocks. Raises ``OSError`` if it fails."""


def dns_takes_mail(domain: str, seconds: float) -> bool:
    """Return whether a domain takes mail, by the resolvers that the system is configured with."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer, resolve

    until = time.monotonic() + seconds
    try:
        for kind in ("MX", "A", "AAAA"):
            try:
                found = resolve(domain, kind, search=False, lifetime=max(until - time.monotonic(), 0.1))
            except NoAnswer:
                continue
            # One MX record that leads to the root says that there is no mail (RFC 7505).
            return kind != "MX" or any(str(each.exchange) != "." for each in found)
    except NXDOMAIN:
        return False
    except DNSException as error:
        raise OSError(type(error).__name__) from None
    return False


@define(kw_only=True)
class DnsMailDomains:
    """``MailDomains`` for ``AddressLists``, by DNS; needs ``dnspython``.

    * ``deadline``: the ms that one look-up may take, 3,000 by default.
    * ``keep``: the ms for which an answer is kept, an hour by default.
    * ``max_domains``: the number of answers that are kept, 1,000 by default; the oldest goes first.
    * ``ask``: looks a domain up; by default ``dnspython`` with the system's resolvers.
    * ``offload``: runs it beside the event loop; by default four threads of its own.
    * ``clock``: returns the time in s; it never jumps.
    """

    deadline: int = 3_000
    keep: int = 3_600_000
    max_domains: int = 1000
    ask: Ask = field(default=dns_takes_mail, repr=False)
    offload: Offload | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _kept: dict[str, tuple[float, bool]] = field(init=False, factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.offload is None:
            # Who waits longer for a thread than the look-up may take has no answer.
            self.offload = Threads(_AT_ONCE, patience=self.deadline)

    async def takes_mail(self, domain: str) -> bool:
        known = self._kept.get(domain)
        if known is not None and self.clock() < known[0]:
            return known[1]
        offload = self.offload
        if offload is None:
            raise Unavailable
        try:
            takes = await offload(lambda: self.ask(domain, self.deadline / 1000))
        except OSError as error:
            raise Unavailable from error
        self._kept.pop(domain, None)
        self._kept[domain] = (self.clock() + self.keep / 1000, takes)
        if len(self._kept) > self.max_domains:
            del self._kept[next(iter(self._kept))]
        return takes
