"""Users of apps against the sandbox: getting in, linking, sharing, settings, the clock."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.rest import LinkedThing, Rest
from gatewayd.clouds.thethingsio.rest_auth import Login
from gatewayd.clouds.thethingsio.rest_calls import Calls, Nobody
from gatewayd.clouds.thethingsio.rest_errors import Denied, Forbidden, Invalid, NotFound, Retired
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from gatewayd.transports.http import HttpSettings, open_http
from tests.clouds.thethingsio.rest.conftest import Opened
from tests.clouds.thethingsio.rest.scene import ID, OTHER_ID, OTHER_TOKEN, TOKEN

BOB = Login("bob@example.com", Secret("geheim"), FIRST_APP)
YEAR_MS = 31_536_000_000


async def test_the_api_says_who_it_is(nobody: Rest, api: Rest) -> None:
    """Its root refuses whoever asks without a session, as the vendor's own test expects."""
    assert await nobody.is_reached()


async def test_another_server_is_not_taken_for_it(sandbox: Sandbox, nobody: Rest) -> None:
    """What answers otherwise is not thethings.iO; the version before is retired."""
    async with open_http(HttpSettings(base_url=f"{sandbox.address}/v1")) as http:
        with pytest.raises(Retired):
            await Calls(http, Nobody()).call("GET", "/things")


async def test_a_registered_user_is_in_at_once(nobody: Rest, sandbox: Sandbox) -> None:
    """For a year; with no rights yet."""
    session = await nobody.register(BOB)
    assert (session.email, session.app, session.roles) == (BOB.email, BOB.app, {})
    assert abs(session.expires_ms - sandbox.clock.now_ms() - YEAR_MS) < 10_000
    assert await nobody.things() == ()


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        (Login(FIRST_EMAIL, Secret("x"), FIRST_APP), Invalid),
        (Login("new@example.com", Secret("x"), "no-app"), NotFound),
        (Login("", Secret("x"), FIRST_APP), Invalid),
    ],
)
async def test_who_cannot_be_registered_is_told(
    nobody: Rest, login: Login, kind: type[Exception]
) -> None:
    """The address is taken, there is no such app, there is no address."""
    with pytest.raises(kind):
        await nobody.register(login)


async def test_a_login_tells_rights_by_resource_and_thing(ann: Rest, thing: Thing) -> None:
    """Those of a linked thing's owner."""
    await thing.write([Entry("temperature", 1)])
    await ann.link(Secret(TOKEN))
    session = await ann.log_in(Login("ann@example.com", Secret("ann"), FIRST_APP))
    everything = frozenset({"get", "post", "grant", "put", "delete"})
    assert session.roles == {"description": {ID: everything}, "temperature": {ID: everything}}


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_a_wrong_password_opens_nothing(nobody: Rest, password: str) -> None:
    """401 (or 400 for none at all), and the password is in no sentence."""
    with pytest.raises((Denied, Invalid)) as caught:
        await nobody.log_in(Login(FIRST_EMAIL, Secret(password), FIRST_APP))
    assert "wrong" not in str(caught.value)


async def test_a_thing_is_linked_by_token_or_id(api: Rest) -> None:
    """The id comes back, the thing is listed."""
    assert await api.link(Secret(TOKEN)) == ID
    assert await api.link_id(OTHER_ID) == OTHER_ID
    assert set(await api.things()) == {
        LinkedThing(ID, "Boiler room"),
        LinkedThing(OTHER_ID, "Somebody else's"),
    }


async def test_an_unknown_thing_cannot_be_linked(api: Rest, nobody: Rest) -> None:
    """404; and without a session nothing can."""
    with pytest.raises(NotFound):
        await api.link(Secret("no-such-token"))
    with pytest.raises(NotFound):
        await api.link_id("no-such-id")
    with pytest.raises(LinkDenied, match="gatewayd cloud thethingsio login"):
        await nobody.link(Secret(TOKEN))


async def test_things_are_not_listed_without_a_session(nobody: Rest) -> None:
    """The sentence says how to get one."""
    with pytest.raises(LinkDenied, match="login"):
        await nobody.things()


async def test_an_unlinked_thing_is_out_of_sight(api: Rest, thing: Thing) -> None:
    """Its values too."""
    await thing.write([Entry("temperature", 1)])
    await api.link(Secret(TOKEN))
    await api.unlink(ID)
    assert await api.things() == ()
    assert await api.resources.list() == ()
    with pytest.raises(Forbidden):
        await api.resources.rows("temperature", ID)


async def test_what_is_not_linked_cannot_be_unlinked(api: Rest) -> None:
    """403."""
    with pytest.raises(Forbidden, match="not linked"):
        await api.unlink(ID)


async def test_a_resource_is_shared_with_a_friend(
    api: Rest, ann: Rest, thing: Thing, sandbox: Sandbox
) -> None:
    """He reads it, writes nothing, passes nothing on; and gets a mail."""
    await thing.write([Entry("temperature", 15), Entry("secret", 1)])
    await api.link(Secret(TOKEN))
    await api.share("ann@example.com", {"temperature": {ID: {"get": True}}})
    [row] = await ann.resources.rows("temperature", ID)
    assert row.value == 15
    with pytest.raises(Forbidden):
        await ann.resources.rows("secret", ID)
    with pytest.raises(Forbidden):
        await ann.resources.write("temperature", ID, [1])
    with pytest.raises(Forbidden):
        await ann.share(FIRST_EMAIL, {"temperature": {ID: {"get": True}}})
    assert sandbox.journal.mails[0]["to"] == "ann@example.com"


async def test_nobody_shares_what_is_not_his(api: Rest) -> None:
    """403 for a foreign thing, 404 for an unknown friend, 400 for an unknown right."""
    await api.link(Secret(TOKEN))
    with pytest.raises(Forbidden):
        await api.share("ann@example.com", {"temperature": {OTHER_ID: {"get": True}}})
    with pytest.raises(NotFound, match="User"):
        await api.share("eve@example.com", {"temperature": {ID: {"get": True}}})
    with pytest.raises(Invalid):
        await api.share("ann@example.com", {"temperature": {ID: {"dance": True}}})


async def test_a_user_grants_his_app_what_it_did_not_ask_for(open_as: Opened, thing: Thing) -> None:
    """The app asks for temperatures only; its user allows it the humidity too."""
    await thing.write([Entry("temperature", 15), Entry("humidity", 40)])
    async with open_as(Login("tim@example.com", Secret("tim"), "narrow")) as tim:
        await tim.link(Secret(TOKEN))
        with pytest.raises(Forbidden):
            await tim.resources.rows("humidity", ID)
        await tim.grant({"humidity": {ID: {"get": True}}})
        [row] = await tim.resources.rows("humidity", ID)
    assert row.value == 40


async def test_a_user_grants_only_of_his_own_things(api: Rest) -> None:
    """403."""
    with pytest.raises(Forbidden):
        await api.grant({"humidity": {OTHER_ID: {"get": True}}})


async def test_settings_are_kept_key_by_key(api: Rest) -> None:
    """None at first; later ones are added."""
    assert await api.settings() == {}
    await api.set_settings({"hair-color": "pink", "phones": ["1"]})
    await api.set_settings({"phones": ["2"]})
    assert await api.settings() == {"hair-color": "pink", "phones": ["2"]}


async def test_the_setting_password_is_the_password(api: Rest) -> None:
    """It is changed, and not shown."""
    await api.set_password(Secret("geheim"))
    assert await api.settings() == {}
    await api.log_in(Login(FIRST_EMAIL, Secret("geheim"), FIRST_APP))
    with pytest.raises(Invalid):
        await api.set_settings({"password": 17})


async def test_settings_need_a_session(nobody: Rest) -> None:
    """Read and written."""
    with pytest.raises(LinkDenied):
        await nobody.settings()
    with pytest.raises(LinkDenied):
        await nobody.set_settings({"a": 1})


async def test_a_user_asks_what_time_it_is(api: Rest, sandbox: Sandbox) -> None:
    """As text and as seconds, an hour off where the cloud is."""
    sandbox.clock.shift_ms = -3_600_000
    assert abs(await api.now_ms() - sandbox.clock.now_ms()) < 5000
    assert abs(await api.unix_time() - sandbox.clock.now_ms() // 1000) < 5


async def test_the_time_needs_a_session_or_a_thing(nobody: Rest) -> None:
    """Neither: refused."""
    with pytest.raises(LinkDenied):
        await nobody.now_ms()


async def test_an_unlinking_of_a_foreign_thing_changes_nothing(api: Rest, ann: Rest) -> None:
    """It stays its owner's."""
    await api.link(Secret(OTHER_TOKEN))
    with pytest.raises(Forbidden):
        await ann.unlink(OTHER_ID)
    assert [each.id for each in await api.things()] == [OTHER_ID]
