"""Run journeys, which are tests of several requests, against any homeserver over HTTP, and print which pass.

Configure the server under test to hand mails to --mail, to send text messages to --sms (as to Twilio), and to trust
--authority when it calls --identity-server. A part that is not named is left out, and so are the journeys that need it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..testing.journeys import Journey, Result, Surroundings

OK, FAILED, UNUSABLE = 0, 1, 2
_PAUSE = 0.2


def main(arguments: Sequence[str]) -> int:
    """Print a line for each journey; return 0 if none failed, 1 if one did, 2 if they could not be run."""
    parser = _parser()
    given = parser.parse_args(arguments)
    chosen = _chosen(parser, given)
    if given.list:
        return _list(chosen)
    if given.base_url is None:
        parser.error("--base-url is required")
    try:
        return _told(chosen, given)
    except ModuleNotFoundError as error:
        return _unusable(f"this needs the package {str(error.name).partition('.')[0]}")
    except (OSError, OverflowError) as error:
        return _unusable(f"a port or file cannot be used: {error}")


def _told(chosen: Sequence[Journey], given: argparse.Namespace) -> int:
    from ..testing.journeys import open_surroundings, run

    with open_surroundings(given.mail, given.sms, given.identity_server, given.authority) as parts:
        around = parts.around(given.base_url, keys_url=given.keys_url, mail_domain=given.mail_domain, **_sign_up(given))
        if not _answers(around, given.wait):
            return _unusable(f"{given.base_url} does not answer")
        return _summed_up(run(chosen, around))


def _summed_up(results: Iterable[Result]) -> int:
    counts: Counter[str] = Counter()
    for result in results:
        counts[result.outcome] += 1
        sys.stdout.write(f"{result}\n")
        sys.stdout.flush()
    sys.stdout.write(f"\n{counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped\n")
    return FAILED if counts["failed"] else OK


def _answers(around: Surroundings, patience: float) -> bool:
    """Wait until the server answers anything."""
    until = monotonic() + patience
    while not _reached(around):
        if monotonic() > until:
            return False
        sleep(_PAUSE)
    return True


def _reached(around: Surroundings) -> bool:
    from ..testing.parts import Failed

    try:
        around.person().send("GET", "/_matrix/client/versions")
    except Failed:
        return False
    return True


def _sign_up(given: argparse.Namespace) -> dict[str, Any]:
    token = given.registration_token
    return {} if token is None else {"sign_up": {"type": "m.login.registration_token", "token": token}}


def _chosen(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Sequence[Journey]:
    from ..testing.journeys import JOURNEYS

    unknown = set(given.only) - {journey.name for journey in JOURNEYS}
    if unknown:
        parser.error(f"--only: there is no journey {', '.join(sorted(unknown))}; --list names all")
    wanted = [journey for journey in JOURNEYS if not given.only or journey.name in given.only]
    return [journey for journey in wanted if not (given.spec_only and journey.promise)]


def _list(chosen: Iterable[Journey]) -> int:
    for journey in chosen:
        marks = [*sorted(journey.needs), *(["beyond the specification"] if journey.promise else [])]
        about = f" ({', '.join(marks)})" if marks else ""
        sys.stdout.write(f"{journey.name}{about}\n    {journey.story}\n")
    return OK


def _unusable(why: str) -> int:
    sys.stderr.write(f"journeys: {why}\n")
    return UNUSABLE


def _place(given: str) -> str:
    """Return HOST:PORT unchanged. Raises ``ValueError``."""
    host, _, port = given.rpartition(":")
    if not host or not 0 <= int(port) <= 65535:
        raise ValueError
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid journeys",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base-url", metavar="URL", help="of the client-server API, without /_matrix")
    for option, about in (
        ("--mail", "where to listen for the server's mails (SMTP, no TLS)"),
        ("--sms", "where to listen for its text messages (Twilio's Messages API)"),
        ("--identity-server", "where to be an identity server, over TLS, by this name"),
    ):
        parser.add_argument(option, metavar="HOST:PORT", type=_place, help=about)
    _add_details(parser)
    return parser


def _add_details(parser: argparse.ArgumentParser) -> None:
    authority = "certificate authority of the identity server; made there, with its key in FILE.key, if missing"
    parser.add_argument("--authority", metavar="FILE", type=Path, help=authority)
    parser.add_argument("--keys-url", metavar="URL", help="where /_matrix/key/v2/server is; default: --base-url")
    parser.add_argument("--mail-domain", metavar="DOMAIN", default="example.org", help="default: %(default)s")
    parser.add_argument("--registration-token", metavar="TOKEN", help="to register with; default: m.login.dummy")
    parser.add_argument("--wait", metavar="S", type=float, default=30.0, help="for the server; default: %(default)s")
    parser.add_argument("--only", metavar="NAME", nargs="+", default=(), help="run only these journeys")
    parser.add_argument("--spec-only", action="store_true", help="leave out what the specification does not demand")
    parser.add_argument("--list", action="store_true", help="list the journeys, and end")
