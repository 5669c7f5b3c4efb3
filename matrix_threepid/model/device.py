"""The app and the system of a client, read from its ``User-Agent``, so that the reader of a mail recognises a request.

Only names of these tables are shown, never words of the client; versions, which change every month, are left out. A
client can claim to be any other one, so nothing is decided by it. See
https://www.rfc-editor.org/rfc/rfc9110#section-10.1.5.
"""

from __future__ import annotations

import re

# The first that is found counts. Browsers name those they descend from as well, so the younger one stands first; apps
# made of a browser name themselves beside it.
_APPS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\bElement ?X", "Element X"),
        (r"\bElement|RiotX?/|\bRiot\.im", "Element"),
        (r"\bSchildiChat", "SchildiChat"),
        (r"\bFluffyChat", "FluffyChat"),
        (r"\b[Cc]inny/", "Cinny"),
        (r"\bnheko/", "Nheko"),
        (r"\bNeoChat/", "NeoChat"),
        (r"\bThunderbird/", "Thunderbird"),
        (r"\bEdg(?:e|A|iOS)?/", "Edge"),
        (r"\bOPR/", "Opera"),
        (r"\bSamsungBrowser/", "Samsung Internet"),
        (r"\b(?:Firefox|FxiOS)/", "Firefox"),
        (r"\b(?:Chrome|CriOS|Chromium)/", "Chrome"),
        (r"\bVersion/[\d.]+ .*Safari/", "Safari"),
    )
)
_SYSTEMS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\bAndroid\b", "Android"),
        (r"\biPad", "iPad"),
        (r"\biPhone|\biOS\b", "iPhone"),
        (r"\bWindows\b", "Windows"),
        (r"\bCrOS\b", "ChromeOS"),
        (r"\bMac OS X\b|\bmacOS\b|\bMacintosh\b", "macOS"),
        (r"\bLinux\b|\bX11\b", "Linux"),
    )
)
_LONGEST = 512


def device_of(user_agent: str) -> str:
    """Return app and system of a ``User-Agent``, or the one of them that is known; empty if neither is.

    >>> device_of("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox, Windows'
    >>> device_of("curl/8.5.0")
    ''
    """
    shown = user_agent[:_LONGEST]
    found = (next((name for pattern, name in table if pattern.search(shown)), "") for table in (_APPS, _SYSTEMS))
    return ", ".join(filter(None, found))
