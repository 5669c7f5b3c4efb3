"""Ports that answer what they must not: refused by name, never believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from matrix_threepid import AccountThreepid, ConfigurationError, Homeserver, Medium, Policy, ports, run_sync
from matrix_threepid.administration.desk import Administration
from matrix_threepid.callbacks.report import Report, events_of
from matrix_threepid.deactivate import erase_threepids
from matrix_threepid.flows.delivery import record_delivery
from matrix_threepid.flows.login import user_of_login
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.memory.reversals import MemoryReversals
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.model.delivery import DeliveryStatus
from matrix_threepid.model.message import RefusedForNow
from matrix_threepid.model.threepid import Owner
from matrix_threepid.ports import Caller
from matrix_threepid.ports._checked import methods
from matrix_threepid.testing import ALICE, FakeAccounts, FakeCallers, FakeIdentityServers, FakeUia, Outbox, Rules, World

from .acting import PATH, finished, give, refusal

SMS_PATH = "/account/3pid/msisdn/requestToken"
NUMBER = {"country": "GB", "phone_number": "07700900123", "client_secret": "secret", "send_attempt": 1}
NOTHING_OF_THE_KIND: tuple[Any, ...] = (None, True, False, 0, 1, -1, "", "yes", object(), [None], {"a": 1})
BIND = {"id_server": "is.example.org", "id_access_token": "token", "sid": "1", "client_secret": "secret"}


class Answering:
    """A port one of whose methods gives a wrong answer once ``wrongly`` is set; all others are those of a good port."""

    def __init__(self, port: Any, method: str, answer: Any) -> None:
        self._port, self._method, self._answer, self.wrongly = port, method, answer, False

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self.wrongly:
            return self._wrong
        return getattr(self._port, name)

    async def _wrong(self, *_: Any, **__: Any) -> Any:
        return self._answer


def _ask(world: World) -> Any:
    return world.ask("carol@example.org", "other")


def _text(world: World) -> Any:
    number = {"country": "GB", "phone_number": "07700900124", "client_secret": "text", "send_attempt": 1}
    world.rewire(senders={**world.homeserver.senders, Medium.MSISDN: world.sms})
    return world.post(SMS_PATH, number, ALICE)


def _fail_to_send(world: World) -> Any:
    world.rewire(senders={Medium.EMAIL: Outbox(outcomes=[RefusedForNow("an outage")])})
    return _ask(world)


def _ask_to_register(world: World) -> Any:
    return world.ask("carol@example.org", "other", purpose="register")


def _add(world: World) -> Any:
    return world.post("/account/3pid/add", world.ready["add"], ALICE)  # type: ignore[attr-defined]


def _confirm(world: World) -> Any:
    return world.confirm(world.ready["mail"])  # type: ignore[attr-defined]


def _delete(world: World) -> Any:
    return world.post("/account/3pid/delete", {"medium": "email", "address": "held@example.org"}, ALICE)


def _list(world: World) -> Any:
    return world.call("GET", "/account/3pid", user=ALICE)


def _bind(world: World) -> Any:
    return world.post("/account/3pid/bind", BIND, ALICE)


def _unbind(world: World) -> Any:
    body = {"medium": "email", "address": "held@example.org", "id_server": "is.example.org"}
    return world.post("/account/3pid/unbind", body, ALICE)


def _log_in(world: World) -> Any:
    return run_sync(user_of_login(world.homeserver, {"medium": "email", "address": "held@example.org"}))


def _erase(world: World) -> Any:
    return run_sync(erase_threepids(world.homeserver, ALICE))


def _retry(world: World) -> Any:
    return run_sync(retry_unbinds(world.homeserver))


def _deliver(world: World) -> Any:
    return run_sync(world.service.deliver_due())


def _purge(world: World) -> Any:
    return run_sync(world.service.purge())


def _servers() -> FakeIdentityServers:
    """Return identity servers of which one knows the session of ``BIND``."""
    servers = FakeIdentityServers()
    servers.prove("is.example.org", "1", "secret", "held@example.org")
    return servers


def _change_twice(world: World) -> None:
    for _ in range(2):
        run_sync(world.stages.end_resets(ALICE))


def _open_undo(world: World) -> None:
    world.call("GET", "/_matrix/client/unstable/threepid/undo/submit_token", query="sid=a&token=b")


class Books:
    """An ``AuditLog`` that writes nothing down."""

    async def record(self, event: object) -> None:
        return None


def _desk(world: World) -> Administration:
    return Administration(role=world.homeserver, audit=Books())


def _report(world: World) -> Any:
    """The newest mail came back, since its mailbox does not exist."""
    said = Report(message=world.outbox.last.message_id, status=DeliveryStatus.BOUNCED, said="5.1.1")
    (event,) = events_of(world.homeserver.peppers, "smtp", [said], world.clock())
    return run_sync(record_delivery(world.homeserver, event))


def _look(world: World) -> Any:
    return run_sync(_desk(world).messages("held@example.org", actor="ops"))


def _look_at_session(world: World) -> Any:
    return run_sync(_desk(world).messages(world.ready["add"]["sid"], actor="ops"))  # type: ignore[attr-defined]


def _look_at_suppressions(world: World) -> Any:
    return run_sync(_desk(world).suppressions(actor="ops"))


def _count(world: World) -> Any:
    # Nothing of the library reads them; hosts do, through the role.
    messages: Any = world.homeserver.messages
    return run_sync(messages.counts(0))


def _lift(world: World) -> Any:
    return run_sync(_desk(world).lift_suppression("held@example.org", actor="ops", reason="it exists now"))


Act = Callable[[World], Any]
GOOD: Mapping[str, tuple[Callable[[], Any], type]] = {
    "accounts": (FakeAccounts, ports.Accounts),
    "callers": (FakeCallers, ports.Callers),
    "uia": (FakeUia, ports.Uia),
    "rules": (Rules, ports.AddressRules),
    "sessions": (MemorySessions, ports.SessionStore),
    "limiter": (MemoryLimits, ports.RateLimiter),
    "bindings": (MemoryBindings, ports.BindingStore),
    "reversals": (MemoryReversals, ports.ReversalStore),
    "identity": (_servers, ports.IdentityServerClient),
    "messages": (MemoryMessages, ports.Messages),
    "suppressions": (MemorySuppressions, ports.Suppressions),
}
ACTS: Mapping[tuple[str, str], Act] = {
    ("accounts", "owner"): _log_in,
    ("accounts", "list"): _list,
    ("accounts", "add"): _add,
    ("accounts", "remove"): _delete,
    ("callers", "identify"): _list,
    ("uia", "require"): _add,
    ("rules", "allows"): _ask,
    ("sessions", "open"): _ask_to_register,
    ("sessions", "get"): _add,
    ("sessions", "find"): _ask,
    ("sessions", "replace"): _confirm,
    ("sessions", "lease_due"): _deliver,
    ("sessions", "of_owner"): _erase,
    ("sessions", "of_threepid"): _delete,
    ("sessions", "erase"): _erase,
    ("sessions", "purge"): _purge,
    ("limiter", "charge"): _ask,
    ("limiter", "give_back"): _fail_to_send,
    ("limiter", "used"): _text,
    ("limiter", "forget"): _erase,
    ("limiter", "purge"): _purge,
    ("bindings", "insert"): _bind,
    ("bindings", "get"): _unbind,
    ("bindings", "replace"): _bind,
    ("bindings", "forget"): _unbind,
    ("bindings", "of_user"): _unbind,
    ("bindings", "lease_due"): _retry,
    ("bindings", "purge"): _purge,
    ("bindings", "given_up"): _purge,
    ("reversals", "insert"): _change_twice,
    ("reversals", "of_user"): _change_twice,
    ("reversals", "replace"): _change_twice,
    ("reversals", "get"): _open_undo,
    ("reversals", "forget"): _erase,
    ("reversals", "purge"): _purge,
    ("identity", "proved"): _bind,
    ("identity", "bind"): _bind,
    ("identity", "unbind"): _unbind,
    ("messages", "write"): _ask,
    ("messages", "record"): _report,
    ("messages", "get"): _report,
    ("messages", "of_session"): _look_at_session,
    ("messages", "of_address"): _look,
    ("messages", "erase"): _erase,
    ("messages", "counts"): _count,
    ("messages", "purge"): _purge,
    ("suppressions", "of_address"): _ask,
    ("suppressions", "put"): _report,
    ("suppressions", "lift"): _lift,
    ("suppressions", "listed"): _look_at_suppressions,
    ("suppressions", "purge"): _purge,
}
"""What somebody does that asks a method of a port."""


def wrong_for(port: str, method: str) -> Iterator[Any]:
    """Yield the answers that are no answer of a method."""
    [declared] = [each for each in methods(GOOD[port][1]) if each.name == method]
    yield from (answer for answer in NOTHING_OF_THE_KIND if not declared.accepts(answer))


WRONG = [(port, method, answer) for port, method in ACTS for answer in wrong_for(port, method)]


@pytest.mark.parametrize(("port", "method", "answer"), WRONG, ids=lambda value: str(value)[:9])
def test_a_wrong_answer_is_refused_by_name(
    make_world: Callable[..., World], port: str, method: str, answer: Any
) -> None:
    """An answer of another type raises ``ConfigurationError`` naming port, method and type; nothing comes of it."""
    make, protocol = GOOD[port]
    wrong = Answering(make(), method, answer)
    policy = {"undo_links": True} if port == "reversals" else None
    kept = {"identity": _servers(), "messages": MemoryMessages(), "suppressions": MemorySuppressions()}
    world = make_world(policy, **{**kept, port: wrong})
    if port in ("accounts", "callers", "uia", "rules"):
        setattr(world, port, wrong)
    give(world, "held@example.org", ALICE)
    world.ready = {"add": finished(world, world.prove())}  # type: ignore[attr-defined]
    world.ask("dave@example.org", "third")
    world.ready["mail"] = world.outbox.last  # type: ignore[attr-defined]
    if (port, method) == ("sessions", "find"):
        from matrix_threepid import Peppers

        world.rewire(peppers=Peppers.of(b"n" * 32, b"p" * 32))
    sent, held = len(world.outbox.messages), list(world.accounts.on)
    wrong.wrongly = True
    with pytest.raises(ConfigurationError) as caught:
        ACTS[port, method](world)
    wrong.wrongly = False
    assert str(caught.value).startswith(f"{protocol.__name__}.{method}: must answer ")
    assert str(caught.value).endswith(f"but Answering answered {type(answer).__name__}")
    assert len(world.outbox.messages) == sent
    if ACTS[port, method] is _add:
        assert world.accounts.on == held


def test_every_method_of_every_port_is_tried() -> None:
    """A port's new method has a row here."""
    declared = {(port, each.name) for port, (_, protocol) in GOOD.items() for each in methods(protocol)}
    assert declared == set(ACTS)


class Synchronous(FakeUia):
    """A ``Uia`` that says yes at once."""

    def require(self, *_: Any) -> None:  # type: ignore[override]
        return None


def test_a_method_that_is_not_async_is_named(make_world: Callable[..., World]) -> None:
    """An answer where an awaitable should be is refused, whatever it is."""
    world = make_world()
    body = finished(world, world.prove())
    world.rewire(uia=Synchronous())
    with pytest.raises(ConfigurationError, match=r"Uia.require: must return an awaitable, but Synchronous"):
        world.post("/account/3pid/add", body, ALICE)
    assert world.accounts.on == []


class Verifying(Outbox):
    """A provider that checks codes, and answers what it is told to."""

    answer: Any = None

    async def verify(self, recipient: str, code: str, deadline: int) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [1, 0, "approved", "", object(), [True]])
def test_a_provider_that_answers_no_truth_value_validates_nothing(
    make_world: Callable[..., World], answer: Any
) -> None:
    """Only ``True`` validates; an object that merely counts as true is refused."""
    sender = Verifying()
    world = make_world(senders={Medium.MSISDN: sender})
    sid = world.post(SMS_PATH, NUMBER, ALICE).json()["sid"]
    sender.answer = answer
    with pytest.raises(ConfigurationError, match=r"RemoteVerifier.verify: must answer bool or None, but Verifying"):
        submit_sms(world, sid)
    [session] = world.homeserver.sessions.dump()  # type: ignore[attr-defined]
    assert session.validated_at is None


def submit_sms(world: World, sid: str) -> Any:
    path = "/_matrix/client/unstable/threepid/msisdn/submit_token"
    return world.post(path, {"sid": sid, "client_secret": "secret", "token": "123456"})


@pytest.mark.parametrize("answer", [None, True, False, "sent", 250])
@pytest.mark.parametrize("deferred", [False, True])
def test_a_sender_that_answers_no_outcome_sends_once(
    make_world: Callable[..., World], answer: Any, deferred: bool
) -> None:
    """What such a sender did nobody knows: it is named, and no worker sends the same again and again."""
    sent: list[Any] = []

    class Silent(Outbox):
        async def send(self, message: Any) -> Any:
            sent.append(message)
            return answer

    world = make_world({"deferred_sending": deferred}, senders={Medium.EMAIL: Silent()})
    send = (lambda: run_sync(world.service.deliver_due())) if deferred else world.ask
    if deferred:
        world.ask()
    with pytest.raises(ConfigurationError, match=r"TokenSender.send: must answer Accepted or .*, but Silent answered"):
        send()
    world.clock.advance(600_000)
    assert run_sync(world.service.deliver_due()) == 0
    assert len(sent) == 1


async def _coroutine(_: str) -> bool:
    return False


class _ComingLater:
    """A rule that looks like a function and answers a coroutine."""

    def __call__(self, name: str) -> Any:
        return _coroutine(name)


@pytest.mark.filterwarnings("ignore:coroutine '_coroutine' was never awaited:RuntimeWarning")
@pytest.mark.parametrize("rule", [lambda _: None, lambda _: 1, lambda _: "no", _ComingLater()])
def test_a_rule_about_identity_servers_says_yes_or_no(make_world: Callable[..., World], rule: Any) -> None:
    """Anything but a truth value is refused, an async rule's coroutine too; no server is asked."""
    servers = FakeIdentityServers()
    world = make_world({"identity_servers": rule}, identity=servers)
    with pytest.raises(ConfigurationError, match=r"policy.identity_servers: must return bool, not "):
        _bind(world)
    assert servers.calls == []


@pytest.mark.parametrize("now", [None, 1.7e12, "1700000000000", True, -1])
def test_a_clock_tells_whole_ms(make_world: Callable[..., World], now: Any) -> None:
    """A clock whose time is no whole number is refused when it is wired."""
    with pytest.raises(ConfigurationError, match=r"clock: must return a whole number of ms, not"):
        make_world(clock=lambda: now)


def test_a_clock_that_goes_wrong_later_sends_nothing(make_world: Callable[..., World]) -> None:
    """A time that is no whole number is refused by a request as well; nothing is sent."""
    answers = [1_700_000_000_000]
    world = make_world(clock=lambda: answers.pop() if answers else None)
    with pytest.raises(ConfigurationError, match=r"clock: must return a whole number of ms, not NoneType"):
        world.ask()
    assert world.outbox.messages == []


@pytest.mark.parametrize("drawn", [b"", b"x", b"x" * 15, b"x" * 17, "x" * 16, None, [1] * 16])
def test_random_bytes_are_as_many_as_were_asked_for(make_world: Callable[..., World], drawn: Any) -> None:
    """Too few bytes would make ids that can be guessed: they are refused, and nothing is sent."""
    world = make_world(random_bytes=lambda count: drawn if count else b"")
    with pytest.raises(ConfigurationError, match=r"random_bytes: must return"):
        world.ask()
    assert world.outbox.messages == []
    with pytest.raises(ConfigurationError, match=r"random_bytes: must return"):
        make_world(random_bytes=lambda _: drawn or None)


@pytest.mark.parametrize("answer", [None, 0, b"<html>"])
def test_pages_are_texts(make_world: Callable[..., World], answer: Any) -> None:
    """A page that is no text is refused."""

    class Odd:
        def render(self, *_: Any) -> Any:
            return answer

    world = make_world(pages=Odd())
    world.ask()
    with pytest.raises(ConfigurationError, match=r"Pages.render: must answer str, but Odd answered"):
        world.open_link()


def test_a_listener_that_is_async_is_logged(make_world: Callable[..., World], caplog: pytest.LogCaptureFixture) -> None:
    """What it would do never happens, so that is said; the answer stays what it is."""

    class Later:
        def on(self, event: object) -> Any:
            return [event]

    world = make_world(listener=Later())
    assert world.ask().status == 200
    assert "listener failed on MessageSent: ConfigurationError" in caplog.text


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Caller(None), "Caller.user_id"),  # type: ignore[arg-type]
        (lambda: Caller(""), "Caller.user_id"),
        (lambda: Caller(ALICE, suspended=None), "Caller.suspended"),  # type: ignore[arg-type]
        (lambda: Caller(ALICE, oauth="no"), "Caller.oauth"),  # type: ignore[arg-type]
        (lambda: Caller(ALICE, guest=2), "Caller.guest"),  # type: ignore[arg-type]
        (lambda: Owner(None), "Owner.user_id"),  # type: ignore[arg-type]
        (lambda: Owner(""), "Owner.user_id"),
        (lambda: _held(medium="email"), "AccountThreepid.medium"),
        (lambda: _held(address=None), "AccountThreepid.address"),
        (lambda: _held(validated_at=1.5), "AccountThreepid.validated_at"),
        (lambda: _held(added_at=None), "AccountThreepid.added_at"),
    ],
)
def test_what_a_port_puts_into_its_answers_is_judged(make: Callable[[], Any], named: str) -> None:
    """A caller, an owner or an identifier made of something else is refused when it is made."""
    with pytest.raises(ConfigurationError, match=named):
        make()


def _held(**members: Any) -> AccountThreepid:
    good = {"medium": Medium.EMAIL, "address": "a@example.org", "validated_at": 1, "added_at": 1}
    return AccountThreepid(**{**good, **members})


def test_a_role_that_keeps_its_ports_unchecked_is_refused(world: World) -> None:
    """A host's own role that takes the place of the check is named when the service is made."""
    from attrs import fields, frozen

    from matrix_threepid import Service

    @frozen(kw_only=True, slots=False)
    class Ours(Homeserver):
        def __attrs_post_init__(self) -> None:
            return None

    given = {each.name: getattr(world.homeserver, each.name) for each in fields(Homeserver)}
    ours = Ours(**{**given, "sessions": MemorySessions()})
    with pytest.raises(ConfigurationError, match=r"Ours.__attrs_post_init__ must call that of its parent"):
        Service(ours)


def test_good_answers_are_the_hosts_own(world: World) -> None:
    """Whatever a port has besides is still there, and it shows as the object that was given."""
    assert isinstance(world.homeserver.policy, Policy)
    assert repr(world.homeserver.accounts) == repr(world.accounts)
    assert world.homeserver.accounts.on is world.accounts.on  # type: ignore[attr-defined]
    assert refusal(world.post(PATH, {}, ALICE)) == (400, "M_MISSING_PARAM")
