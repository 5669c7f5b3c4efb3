"""Everything that parses is given what no sender means: only documented errors may come out.

An input is an entry of the corpus with some edits, or bytes from nowhere. A parser returns, or raises one of the errors
that its docstring names.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import frozen
from callbacks.providers import NOW, SENDERS, SIGNED, declared, filled
from data import load
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from matrix_threepid import Peppers
from matrix_threepid.callbacks.dsn import events_of_mail
from matrix_threepid.callbacks.provider import Unreadable
from matrix_threepid.callbacks.report import events_of
from matrix_threepid.endpoints import Received
from matrix_threepid.errors import ConfigurationError, MatrixError
from matrix_threepid.identity._answers import read_association, read_proved, read_unbind
from matrix_threepid.identity.signing import read_signing_key
from matrix_threepid.identity.x_matrix import read_headers
from matrix_threepid.model.code import read_code
from matrix_threepid.model.email import canonical_email
from matrix_threepid.model.id_server import normal_id_server
from matrix_threepid.model.msisdn import canonical_msisdn
from matrix_threepid.model.next_link import checked_next_link
from matrix_threepid.net.deadline import Deadline
from matrix_threepid.net.exchange import Exchange, Limits
from matrix_threepid.net.fetch import HttpReply, HttpRequest
from matrix_threepid.protocol.wire import Request, read_object
from matrix_threepid.settings import PolicySettings, SmsSettings, SmtpSettings
from matrix_threepid.settings.reading import read
from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.world import PEPPER


@frozen
class Parser:
    """Something that parses.

    * ``name``: what it reads.
    * ``parse``: called with the input.
    * ``corpus``: inputs that mean something, to begin from.
    * ``errors``: what it may raise.
    """

    name: str
    parse: Callable[[bytes], object]
    corpus: Sequence[bytes]
    errors: tuple[type[Exception], ...] = (MatrixError,)


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    # Latin-1 gives control characters, and the second half of the inputs every other character.
    return lambda data: parse(data.decode("utf-8", "surrogateescape") if len(data) % 2 else data.decode("latin-1"))


_WORLD = World()
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_SMTP = {"host": "mail.example.org", "sender": "noreply@example.org", "username": "u", "password": "p"}
_PATHS = ("/account/3pid/email/requestToken", "/account/3pid/add", "/account/3pid/delete", "/account/3pid/bind",
          "/account/3pid/unbind", "/account/3pid", "/account/3pid/msisdn/requestToken")  # fmt: skip


def _call(data: bytes) -> None:
    """Call an endpoint with a body; any answer but a 5xx is well."""
    del _WORLD.exchanges[:]
    path = _PATHS[len(data) % len(_PATHS)]
    status = _WORLD.post(path, data, ALICE).status
    assert status < 500, f"{path}: {status}"


def _submit(data: bytes) -> None:
    del _WORLD.exchanges[:]
    path = "/_matrix/client/unstable/matrix_threepid/email/submit_token"
    text = data.decode("latin-1")
    for answer in (
        _WORLD.call("POST", path, data, headers=_FORM),
        _WORLD.call("GET", path, query=text),
        _WORLD.call("POST", path, query=text),
    ):
        assert answer.status < 500, answer.status


def _settings(data: bytes) -> None:
    given = read_object(data, 1 << 20)
    for kind in (PolicySettings, SmsSettings, SmtpSettings):
        with suppress(ConfigurationError):
            read(kind, given)


def _exchange(data: bytes) -> None:
    """Read an HTTP answer: a reply or a failure, within the limits, and nothing raised."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        exchange = Exchange(ours, Limits(max_headers=8192, max_body=4096), Deadline.in_ms(5_000))
        answer = exchange.run(HttpRequest(method="GET", host="x", port=443, authority="x", path="/"))
        assert not isinstance(answer, HttpReply) or len(answer.body) <= 4096


def _identity_answer(data: bytes) -> None:
    for status in (200, 400, 404, 500):
        reply = HttpReply(status, data, None, ())
        for reading in (read_unbind, read_proved, read_association):
            reading(reply)


def _json(*values: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


_BODIES = _json(
    {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1, "next_link": "https://a.example/"},
    {"sid": "sid", "client_secret": "secret", "auth": {"type": "m.login.password", "session": "x"}},
    {"medium": "email", "address": "alice@example.org", "id_server": "id.example"},
    {"id_server": "id.example", "id_access_token": "t", "sid": "sid", "client_secret": "secret"},
    {"three_pid_creds": {"sid": "sid", "client_secret": "secret"}, "bind": True},
    {"country": "GB", "phone_number": "07700900001", "client_secret": "secret", "send_attempt": 1},
)

_PEPPERS = Peppers.of(PEPPER)
_MAILS = Path(__file__).parents[1] / "data" / "dsn"
_PROVIDERS = {each.name: each for each in declared()}


def _reports(data: bytes) -> None:
    """Read a body as each provider's, as if it had proved itself. Raises ``Unreadable`` if it is a report of none."""
    notice = json.dumps({"Type": "Notification", "Message": data.decode("latin-1")}).encode()
    read = 0
    for name, provider in _PROVIDERS.items():
        request = Request("POST", f"/{name}", {}, f"threepid_message={SIGNED}", notice if name == "ses" else data)
        with suppress(Unreadable):
            list(events_of(_PEPPERS, name, provider.read(Received(request=request, url="", now=NOW)), NOW))
            read += 1
    if not read:
        raise Unreadable


PARSERS = (
    Parser("JSON bodies", lambda data: read_object(data, 65_536), (*_BODIES, b'{"a":[1e400,-0,"\\ud800"]}')),
    Parser("calls of endpoints", _call, _BODIES),
    Parser("forms and queries", _submit, (b"sid=a&token=b", b"token=%F0%9F%98%80&sid=%00", b"a;b=c&&=&sid=1&sid=2")),
    Parser(
        "X-Matrix headers",
        _text(lambda text: read_headers([text])),
        (b'X-Matrix origin="hs.example",destination="is.example",key="ed25519:a",sig="c2ln"', b"x-matrix origin=a"),
    ),
    Parser("id_server", _text(normal_id_server), (b"id.example:443", b"https://id.example/", b"[::1]:8090")),
    Parser("e-mail addresses", _text(canonical_email), (b"alice@example.org", "ä@exämple.org".encode(), b'"a"@x.org')),
    Parser(
        "phone numbers",
        _text(lambda text: canonical_msisdn("GB", text)),
        (b"+447700900001", b"07700 900-001", b"tel:+44-7700-900001;ext=1", "\u202a+44\u202c".encode()),
    ),
    Parser("codes", _text(read_code), (b"123456", b" #12-34 56", "\uff11\uff12\uff13\uff14\uff15\uff16".encode())),
    Parser(
        "next_link",
        _text(lambda text: checked_next_link(text, None)),
        (b"https://app.example.org/#/a?b=c", b"http://[::1]:80/", "https://exämple.org/ä".encode()),
    ),
    Parser(
        "HTTP answers",
        _exchange,
        (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}', b"HTTP/1.1 103 E\r\n\r\nHTTP/1.0 404 N\r\n\r\nx",
         b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        (),
    ),
    Parser(
        "answers of identity servers",
        _identity_answer,
        _json({"medium": "email", "address": "a@b.c", "mxid": "@a:b"}, {"errcode": "M_X", "error": "no"}, {}),
        (),
    ),
    Parser("settings", _settings, _json({"legacy_add": "uia", "limits": {"guesses": [25, 86400]}}, _SMTP)),
    Parser(
        "mails that report",
        lambda data: events_of_mail(_PEPPERS, data, NOW),
        tuple(path.read_bytes().replace(b"$MESSAGE", SIGNED.encode()) for path in sorted(_MAILS.glob("*.eml"))),
        (Unreadable,),
    ),
    Parser(
        "reports of providers",
        _reports,
        tuple(filled(case["body"]) for name in SENDERS if name != "twilio" for case in load(f"callbacks/{name}")),
        (Unreadable,),
    ),
    Parser("signing keys", _text(read_signing_key), (b"ed25519 a_1 " + b"A" * 43,), (ConfigurationError,)),
)  # fmt: skip
"""Everything that parses what others send."""

_EDITS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1 << 16), st.binary(min_size=1, max_size=4)), max_size=6)


def _edited(entry: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    data = bytearray(entry)
    for kind, place, piece in edits:
        at = place % (len(data) + 1)
        if kind == 0:
            data[at:at] = piece
        elif kind == 1:
            data[at : at + len(piece)] = piece
        elif kind == 2:
            del data[at : at + place % 9]
        elif kind == 3:
            data[at:at] = data[at : at + place % 33] * (1 + place % 5)
        else:
            del data[at:]
    return bytes(data)


def run_parser(parser: Parser, first: int, inputs: int) -> int:
    """Give a parser many inputs, from a seed; return how many. Raises what the parser must not."""
    count = 0
    anything = st.one_of(st.builds(_edited, st.sampled_from(parser.corpus), _EDITS), st.binary(max_size=200))

    @seed(first)
    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(anything)
    def parses(data: bytes) -> None:
        nonlocal count
        count += 1
        with suppress(*parser.errors):
            parser.parse(data)

    parses()
    return count
