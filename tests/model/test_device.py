"""Which app and system asked, as far as a ``User-Agent`` says so."""

from __future__ import annotations

import pytest

from matrix_threepid.model.device import device_of

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
KNOWN = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox, Android",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36": "Chrome, Windows",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/140.0.0.0": "Edge, Windows",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_CHROME} Safari/537.36": "Chrome, ChromeOS",
    f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36": "Chrome, Android",
    f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Element/1.12.0 {_CHROME} Electron/38": "Element, Linux",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.6 Safari/605.1.15": "Safari, macOS",
    f"{_IPHONE} Version/18.6 Mobile/15E148 Safari/604.1": "Safari, iPhone",
    f"{_IPHONE} CriOS/140.0 Mobile/15E148 Safari/604.1": "Chrome, iPhone",
    "Element/1.6.44 (Google Pixel 8; Android 15; Flavour GooglePlay; MatrixAndroidSdk2 1.6.36)": "Element, Android",
    "Element/1.11.30 (iPhone 15; iOS 18.6; Scale/3.00)": "Element, iPhone",
    "Element X/25.09.0 (Google Pixel 8; Android 15)": "Element X, Android",
    "curl/8.5.0": "",
    "Mozilla/5.0 (Windows NT 10.0)": "Windows",
    "": "",
    "<i>Firefox/140.0</i>\r\nX: y": "Firefox",
    " " * 600 + "Firefox/140.0": "",
}


@pytest.mark.parametrize(("agent", "device"), KNOWN.items())
def test_a_device_is_named_by_our_own_words(agent: str, device: str) -> None:
    """App and system come from a table, without versions; what is not in it is not shown."""
    assert device_of(agent) == device
