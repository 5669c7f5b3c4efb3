"""Cases for ``SafeFetchContract``: denied addresses, endless answers, missing answers."""

from __future__ import annotations

from typing import Any

from ..rogue import drip, flood, hang_up, silence

HERE = "127.0.0.1"
GOOD, WRONG = "good.example", "wrong.example"
MAX_BODY = 65_536
DEADLINE = 300
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DENIED = {
    "this host": "0.0.0.0",  # noqa: S104
    "loopback": "127.0.0.2",
    "private": "10.0.0.1",
    "shared": "100.64.0.1",
    "cloud metadata": "169.254.169.254",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv4-compatible": "::127.0.0.1",
    "IPv4-mapped": "::ffff:127.0.0.1",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "local NAT64": "64:ff9b:1::7f00:1",
    "6to4": "2002:7f00:1::",
    "Teredo": "2001:0:7f00:1::",
    "ISATAP": "2600::5efe:127.0.0.1",
    "unique local": "fd00::1",
    "link-local": "fe80::1",
    "site-local": "fec0::1",
}
ENDLESS_BODY: dict[str, Any] = {
    "body": lambda: flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": lambda: flood(CHUNKED, b"5\r\nhello\r\n"),
    "trailers": lambda: flood(CHUNKED + b"0\r\n", b"A: b\r\n"),
    "slow body": lambda: drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "slow chunks": lambda: drip(CHUNKED, b"1\r\nx\r\n"),
}
ENDLESS_HEAD: dict[str, Any] = {
    "headers": lambda: flood(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "one header": lambda: flood(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "status line": lambda: flood(b"HTTP/1.1 200 ", b"O"),
    "interim answers": lambda: flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "slow headers": lambda: drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "slow status line": lambda: drip(b"", b"H"),
    "silence": lambda: silence,
}
NO_ANSWER: dict[str, Any] = {
    "reset": hang_up,
    "nothing": b"",
    "half the headers": b"HTTP/1.1 200 OK\r\nA: b\r\n",
    "no HTTP": b"hello\r\n\r\n",
    "large headers": b"HTTP/1.1 200 OK\r\n" + (b"A: " + b"b" * 1000 + b"\r\n") * 60 + b"\r\n{}",
    "10 000 headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000 + b"\r\n{}",
}
