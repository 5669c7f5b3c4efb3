"""A change that the holder of an old address takes back, in a real Synapse."""

from __future__ import annotations

from matrix_threepid.testing.journeys import Parts

from .moduled import config, visited
from .site import Site
from .test_module_life import eventually


def test_taking_changes_back_logs_the_thief_out(site: Site, parts: Parts) -> None:
    """The thief's access token and the password end, the old address is back, and its holder sets a new password."""
    own = {**config(site, "client"), "policy": {"undo_links": True}}
    with visited(parts, site, own) as visit:
        old, new = visit.address(), visit.address()
        thief = visit.resident(old)
        site.sql("UPDATE user_threepids SET added_at = 1, validated_at = 1 WHERE address = ?", old)
        thief.add(visit.proved(thief, new))
        thief.remove(old)
        # A mail about all changes of a minute.
        eventually(lambda: any("/undo/" in each.text for each in visit.mail.messages if each.recipient == old), 150)
        while "/undo/" not in (letter := visit.letter(old)).text:
            continue
        visit.follow(letter.link)
        assert thief.send("GET", "/account/3pid").status == 401
        assert thief.log_in().status == 403
        owner = visit.stranger()
        owner.user_id = thief.user_id
        owner.reset_password(visit.proved(owner, old, "password"))
        owner.use(owner.log_in().json())
        assert owner.addresses() == [old]
    assert " - ERROR - " not in (site.folder / "output.txt").read_text()
