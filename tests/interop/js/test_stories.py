"""What people do with mail addresses and phone numbers, with a Matrix client at a homeserver that has our handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .person import Person
from .program import Refused


def refused(call: Callable[..., Any], *arguments: Any) -> tuple[int, str]:
    """Make a call that is refused; return status and ``errcode``."""
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.answer


def test_registering_by_mail(person: Person) -> None:
    """InteractiveAuth asks for a mail and polls, hears 401 until the link is confirmed, and then has an account."""
    person.begin(emailAddress=person.address)
    assert person.do("registration", "refusal") == "M_UNAUTHORIZED"
    person.confirm(person.address)
    person.finish()
    assert person.threepids() == [("email", person.address)]
    person.log_in(type="m.id.thirdparty", medium="email", address=person.address)


def test_registering_by_phone(person: Person, number: str) -> None:
    """InteractiveAuth has an account once the code is typed in at ``submit_url``; the number then logs in."""
    session = person.begin(phoneCountry="GB", phoneNumber=f"0{number}")
    person.submit(session, person.scene.phone.next(f"+44{number}").code)
    person.do("registration", "prove", person.creds(session))
    person.finish()
    assert person.threepids() == [("msisdn", f"44{number}")]
    # ``number`` as in releases before 0.5, for servers that still read that.
    person.log_in(type="m.id.phone", country="GB", phone=f"0{number}", number=f"0{number}")


def test_adding_an_address(person: Person) -> None:
    """An address is added once its link is confirmed, not before."""
    person.register()
    second = f"second.{person.address}"
    creds = person.creds(person.ask("requestAdd3pidEmailToken", second))
    assert refused(person.with_password, "addThreePidOnly", creds) == (403, "M_THREEPID_AUTH_FAILED")
    person.confirm(second)
    person.with_password("addThreePidOnly", creds)
    assert person.threepids() == [("email", person.address), ("email", second)]


def test_adding_a_number(person: Person, number: str) -> None:
    """A wrong code is refused, the right one adds the number after all."""
    person.register()
    session = person.ask("requestAdd3pidMsisdnToken", "GB", f"0{number}")
    code = person.scene.phone.next(f"+44{number}").code
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert refused(person.submit, session, wrong) == (400, "M_TOKEN_INCORRECT")
    assert person.submit(session, code) == {"success": True}
    person.with_password("addThreePidOnly", person.creds(session))
    assert person.threepids() == [("email", person.address), ("msisdn", f"44{number}")]


def test_the_password_is_asked_for(person: Person) -> None:
    """InteractiveAuth hears that a password is wrong, and nothing is added."""
    person.register()
    second = f"second.{person.address}"
    creds = person.creds(person.ask("requestAdd3pidEmailToken", second))
    person.confirm(second)
    person.password = "wrong"
    assert refused(person.with_password, "addThreePidOnly", creds) == (401, "M_FORBIDDEN")
    assert person.threepids() == [("email", person.address)]


def test_resetting_the_password(person: Person) -> None:
    """Until its link is confirmed 401 says so, then a new password is set, and the address logs in with it."""
    person.register()
    person.connect()
    creds = person.creds(person.ask("requestPasswordEmailToken", person.address))
    auth = {"type": "m.login.email.identity", "threepid_creds": creds, "threepidCreds": creds}
    assert refused(person.call, "setPassword", auth, "a new password") == (401, "M_UNAUTHORIZED")
    person.confirm(person.address)
    assert person.call("setPassword", auth, "a new password") == {}
    person.password = "a new password"
    person.log_in(type="m.id.thirdparty", medium="email", address=person.address)


@pytest.mark.parametrize(
    ("function", "spelling", "errcode"),
    [
        ("requestRegisterEmailToken", "{}", "M_THREEPID_IN_USE"),
        ("requestAdd3pidEmailToken", "{}", "M_THREEPID_IN_USE"),
        ("requestPasswordEmailToken", "not.{}", "M_THREEPID_NOT_FOUND"),
    ],
)
def test_what_clients_go_by(person: Person, function: str, spelling: str, errcode: str) -> None:
    """Clients tell people that an address is taken, or unknown, by these error codes."""
    person.register()
    assert refused(person.ask, function, spelling.format(person.address)) == (400, errcode)


@pytest.mark.parametrize(("function", "stays"), [("unbindThreePid", True), ("deleteThreePid", False)])
def test_publishing_and_taking_back(person: Person, function: str, stays: bool) -> None:
    """What was bound is found at the identity server until it is unbound, or deleted from the account as well."""
    person.register()
    person.publish()
    assert person.scene.directory.owner(person.address) == person.user_id
    assert person.call(function, "email", person.address) == {"id_server_unbind_result": "success"}
    assert person.scene.directory.owner(person.address) is None
    assert person.threepids() == [("email", person.address)] * stays


def test_deactivating(person: Person) -> None:
    """Deactivation takes back what was bound, frees the address, and ends the login."""
    person.register()
    person.publish()
    assert person.with_password("deactivateAccount") == {"id_server_unbind_result": "success"}
    assert person.scene.directory.owner(person.address) is None
    assert refused(person.call, "getThreePids") == (401, "M_UNKNOWN_TOKEN")
    person.connect()
    assert "sid" in person.ask("requestRegisterEmailToken", person.address)
