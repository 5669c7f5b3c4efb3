"""``Home``: the library's ``Homeserver`` with this server's own parts, handed to every handler."""

from __future__ import annotations

from attrs import field, frozen

from matrix_threepid import Homeserver

from .accounts import Accounts
from .devices import Devices
from .keeper import Keeper
from .openid import OpenId
from .passwords import Passwords
from .peers import Peers


@frozen(kw_only=True, slots=False)
class Home(Homeserver):
    """Everything a handler needs; the three ports are the server's own classes here."""

    accounts: Accounts = field(repr=False)
    callers: Devices = field(repr=False)
    keeper: Keeper = field(repr=False)
    passwords: Passwords = field(repr=False)
    openid: OpenId = field(repr=False)
    peers: Peers = field(repr=False)
