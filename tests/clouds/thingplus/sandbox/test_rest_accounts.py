"""Users, services, sites and billings. Tokens and logins: see test_oauth."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import Api


async def test_the_user_is_told_who_he_is(api: Api) -> None:
    """Never with a password."""
    me = (await api.get("/v2/users/me")).data
    assert (me["loginId"], me["_site"], me["accessApproval"]) == ("ann", "1", "allow")
    assert "password" not in str(me)
    assert (await api.get("/v2/users/me?fields=loginId")).data == {"id": me["id"], "loginId": "ann"}


async def test_a_profile_is_changed_and_nothing_else(api: Api) -> None:
    """The language yes, the roles no."""
    assert (await api.put("/v2/users/me", {"locale": "ko"})).data["locale"] == "ko"
    reply = await api.put("/v2/users/me", {"roles": ["serviceAdmin"]})
    assert (reply.status, reply.code) == (400, "SCHEMA_VALIDATE")


async def test_users_see_their_own_site(sandbox: Sandbox, api: Api) -> None:
    """Others are 403, nobody is 404."""
    names = {each["loginId"] for each in (await api.get("/v2/users")).data}
    assert {"ann", "eve"} <= names
    assert "bob" not in names
    bob = sandbox.world.account_of("bob")
    assert (await api.get(f"/v2/users/{bob.id}")).status == 403
    assert (await api.get("/v2/users/none")).status == 404
    ann = sandbox.world.account_of("ann")
    assert (await api.get(f"/v2/users/{ann.id}")).data["loginId"] == "ann"


async def test_sites_and_services_are_ones_own(api: Api) -> None:
    """The list, one by id, and the singular path of the scope table."""
    sites = (await api.get("/v2/sites")).data
    assert [each["id"] for each in sites] == ["1"]
    assert (await api.get("/v2/site")).data == (await api.get("/v2/sites/1")).data == sites[0]
    assert (await api.get("/v2/sites/2")).status == 403
    assert (await api.get("/v2/sites/none")).status == 404
    assert (await api.get("/v2/services")).data[0]["id"] == "sandbox"


async def test_billings_show_plan_and_use(api: Api) -> None:
    """Of the caller's site."""
    billing = (await api.get("/v2/billings/1")).data
    assert billing["gateways"] == {"max": 1000, "used": 1}
    assert billing["sensors"]["used"] == 3
    assert (await api.get("/v2/billings/2")).status == 404
    assert [each["id"] for each in (await api.get("/v2/billings")).data] == ["1"]
