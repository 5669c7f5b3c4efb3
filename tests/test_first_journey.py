"""An address from the first request to the account and off it again."""

from matrix_threepid.testing import World


def test_an_address_is_proved_added_listed_and_deleted(world: World) -> None:
    """A confirmed address can be added with a password, is listed, and leaves when it is deleted."""
    sid = world.prove("Bob@Example.org")
    assert world.add(sid).status == 200
    assert world.threepids() == ["bob@example.org"]
    deleted = world.post(
        "/account/3pid/delete", {"medium": "email", "address": "BOB@example.org"}, "@alice:hs.example.org"
    )
    assert deleted.json() == {"id_server_unbind_result": "no-support"}
    assert world.threepids() == []
