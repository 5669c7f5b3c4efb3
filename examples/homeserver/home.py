"""``Home``: the library's ``Homeserver`` with this server's own parts, handed to every handler."""

from __future__ import annotations

from attrs import field, frozen

from matrix_threepid import Homeserver

from .accounts import Accounts
from .devices import Devices
from .exchanges import Exchanges
from .keeper import Keeper
from .openid import OpenId
from .passwords import Passwords
from .peers import Peers
from .rooms import Rooms


@frozen(kw_only=True, slots=False)
class Home(Homeserver):
    """Everything a handler needs; the ports with a class of this server's own are named again."""

    accounts: Accounts = field(repr=False)
    callers: Devices = field(repr=False)
    keeper: Keeper = field(repr=False)
    passwords: Passwords = field(repr=False)
    openid: OpenId = field(repr=False)
    peers: Peers = field(repr=False)
    rooms: Rooms = field(repr=False)
    exchanges: Exchanges = field(repr=False)
