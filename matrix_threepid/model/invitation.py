"""An invitation to a room that waits until the invited person is a Matrix user, and the words of it that others see.

See https://spec.matrix.org/latest/identity-service-api/#invitation-storage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from attrs import field, frozen

from ..protocol.members import redacted
from .threepid import Threepid
from .user_id import server_of

_SHOWN = 64
# What mail programs make links of, in every script: schemes, paths and mail addresses; and what hides or turns text.
_LINKING = re.compile(r"[/\\@\uff20\uff0f]+|[:\uff1a](?=[/\uff0f])")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_DOTS = re.compile(r"([.\u3002\uff0e\uff61])(?=\S)")


@frozen
class Invitation:
    """An invitation of an address.

    * ``token``: a random text that names the invitation in the room; unique.
    * ``threepid``: the invited address.
    * ``room_id``: the room.
    * ``sender``: the user id of who invites.
    * ``public_key``: the verify key in unpadded base64 that was made for this invitation; its signing key is in the
      mail alone.
    * ``stop_hash``: the hash of the token behind the mail's link that stops invitations.
    * ``created_at``: the time of the invitation, in ms of the wall clock.
    * ``delivered_at``: the time at which the invited user's homeserver took it, in ms; ``None`` (default) before.
    """

    token: str
    threepid: Threepid
    room_id: str
    sender: str
    public_key: str
    stop_hash: str = field(repr=redacted)
    created_at: int
    delivered_at: int | None = None


def giving_way(waiting: Sequence[Invitation], sender: str) -> Invitation | None:
    """Return the invitation that gives its place to one of a sender, at an address that has no place left.

    It is the oldest of the user with the most, at the homeserver with the most; ``None`` if the sender, and everybody
    at the sender's homeserver, has as many. So who fills all places keeps nobody else out, and who has few keeps them.

    * ``waiting``: the invitations of the address that wait.
    * ``sender``: the user who invites now.
    """
    own, servers = server_of(sender), Counter(server_of(each.sender) for each in waiting)
    fullest = max(servers, key=lambda name: servers[name], default=own)
    # Two more, so that two who both fill places do not take them from each other for ever.
    server = fullest if servers[fullest] - servers[own] >= 2 else own
    users = Counter(each.sender for each in waiting if server_of(each.sender) == server)
    user = max(users, key=lambda name: users[name], default=sender)
    if server == own and users[user] - users[sender] < 2:
        return None
    return min((each for each in waiting if each.sender == user), key=lambda each: each.created_at)


def hash_of_stop(token: str) -> str:
    """Return the hash of the token in a link that stops invitations.

    A plain hash and no MAC: the token is 256 random bits, and has to outlive peppers.
    """
    return sha256(ascii(token).encode()).hexdigest()


def shown(name: str) -> str:
    r"""Return a name that a stranger has chosen as a mail may show it: short, on one line, and nothing to click on.

    >>> shown("Win at https://evil.example/now\r\nBcc: x")
    'Win at https evil. example now Bcc: x'
    """
    plain = _DOTS.sub(r"\1 ", _LINKING.sub(" ", _HIDDEN.sub(" ", name[: 4 * _SHOWN])))
    line = " ".join(plain.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}\u2026"


def public_name(address: str) -> str:
    """Return what everybody in the room may see of a mail address.

    >>> public_name("alice@mail.example.org")
    'a...@m...'
    """
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}...@{domain[:1]}..."
