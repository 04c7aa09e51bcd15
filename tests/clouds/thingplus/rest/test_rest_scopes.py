"""What each scope opens, and what it does not; against the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import Denied, NotFound, ThingPlusError
from gatewayd.clouds.thingplus.rest_types import NewGateway
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.tokens import SCOPE_RESOURCES, Scope
from gatewayd.fields import Secret

Opened = Callable[..., AbstractAsyncContextManager[Rest]]
GATEWAY = "b827eb000001"

Call = Callable[[Rest], Awaitable[object]]

OPENS: dict[Scope, Call] = {
    Scope.USER_PROFILE: lambda api: api.update_me({"locale": "de"}),
    Scope.USER_PROFILE_READ: lambda api: api.me(),
    Scope.GATEWAY: lambda api: api.control.register_key("b827eb000009", "34"),
    Scope.GATEWAY_READ: lambda api: api.gateways.list(),
    Scope.GATEWAY_UPDATE: lambda api: api.gateways.update(GATEWAY, {"name": "x"}),
    Scope.TIMELINE_READ: lambda api: api.timelines.list(),
    Scope.TAG: lambda api: api.tags.create({"name": "x", "sensors": []}),
    Scope.TAG_READ: lambda api: api.tags.list(),
    Scope.RULE: lambda api: api.push_devices.list(),
    Scope.RULE_READ: lambda api: api.rules.list(),
    Scope.SERVICE_READ: lambda api: api.services.list(),
    Scope.SITE_READ: lambda api: api.site(),
    Scope.BILLING_READ: lambda api: api.billings.list(),
}
SHUTS: dict[Scope, Call] = {
    Scope.USER_PROFILE: lambda api: api.gateways.list(),
    Scope.USER_PROFILE_READ: lambda api: api.update_me({"locale": "de"}),
    Scope.GATEWAY: lambda api: api.tags.list(),
    Scope.GATEWAY_READ: lambda api: api.gateways.update(GATEWAY, {"name": "x"}),
    Scope.GATEWAY_UPDATE: lambda api: api.gateways.delete(GATEWAY),
    Scope.TIMELINE_READ: lambda api: api.tags.list(),
    Scope.TAG: lambda api: api.rules.list(),
    Scope.TAG_READ: lambda api: api.tags.create({"name": "x", "sensors": []}),
    Scope.RULE: lambda api: api.tags.list(),
    Scope.RULE_READ: lambda api: api.push_devices.list(),
    Scope.SERVICE_READ: lambda api: api.site(),
    Scope.SITE_READ: lambda api: api.billings.list(),
    Scope.BILLING_READ: lambda api: api.services.list(),
}


@pytest.mark.parametrize("scope", list(OPENS))
async def test_a_scope_opens_its_resources(scope: Scope, sandbox: Sandbox, open_as: Opened) -> None:
    """What the vendor's table says that it may."""
    sandbox.provision({"clients": [{"id": "one", "secret": "one", "scopes": [scope.value]}]})
    async with open_as(client="one") as api:
        await OPENS[scope](api)


@pytest.mark.parametrize("scope", list(SHUTS))
async def test_a_scope_opens_nothing_else(scope: Scope, sandbox: Sandbox, open_as: Opened) -> None:
    """What it does not say is denied, and no renewal is tried."""
    sandbox.provision({"clients": [{"id": "one", "secret": "one", "scopes": [scope.value]}]})
    async with open_as(client="one") as api:
        with pytest.raises(Denied, match="ACL_DENY"):
            await SHUTS[scope](api)


NOWHERE = NewGateway(id="b827eb000009", site_id="99", model="34", name="x")
RESOURCES: dict[str, Call] = {
    "users/me": lambda api: api.me(),
    "changePassword": lambda api: api.change_password(Secret("wrong"), Secret("new")),
    "gateways": lambda api: api.gateways.list(),
    "registerGateway": lambda api: api.control.register(NOWHERE),
    "registerGatewayKey": lambda api: api.control.register_key("b827eb000009", "99"),
    "manageGateway": lambda api: api.control.manage("none", "reboot"),
    "controlActuator": lambda api: api.control.control("none", "x", "on"),
    "sensorTypes": lambda api: api.sensor_types.list(),
    "sensorDrivers": lambda api: api.sensor_drivers.list(),
    "gatewayModels": lambda api: api.gateway_models.list(),
    "timelines": lambda api: api.timelines.list(),
    "tags": lambda api: api.tags.list(),
    "rules": lambda api: api.rules.list(),
    "pushDevices": lambda api: api.push_devices.list(),
    "services": lambda api: api.services.list(),
    "sites": lambda api: api.sites.list(),
    "billings": lambda api: api.billings.list(),
}


async def is_open(api: Rest, call: Call) -> bool:
    """Return whether the door was open, whatever was behind it."""
    try:
        await call(api)
    except Denied:
        return False
    except ThingPlusError:
        return True
    return True


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_scope_opens_exactly_its_resources(
    scope: Scope, sandbox: Sandbox, open_as: Opened
) -> None:
    """The vendor's table, scope by scope against every resource that there is."""
    sandbox.provision({"clients": [{"id": "one", "secret": "one", "scopes": [scope.value]}]})
    async with open_as(client="one") as api:
        found = {name for name, call in RESOURCES.items() if await is_open(api, call)}
    assert found == set(SCOPE_RESOURCES[scope])


@pytest.mark.parametrize("scope", [Scope.GATEWAY_MANAGEMENT, Scope.ACTUATOR_COMMAND])
async def test_the_later_scopes_open_one_command_each(
    scope: Scope, sandbox: Sandbox, open_as: Opened
) -> None:
    """Management and actuators, apart; the missing gateway is looked for, so the door was open."""
    sandbox.provision({"clients": [{"id": "one", "secret": "one", "scopes": [scope.value]}]})
    async with open_as(client="one") as api:
        calls = [api.control.manage("none", "reboot"), api.control.control("none", "x", "on")]
        opened, shut = calls if scope is Scope.GATEWAY_MANAGEMENT else reversed(calls)
        with pytest.raises(NotFound):
            await opened
        with pytest.raises(Denied):
            await shut


async def test_no_scope_opens_nothing(sandbox: Sandbox, open_as: Opened) -> None:
    """A token without scopes is good for nothing."""
    sandbox.provision({"clients": [{"id": "one", "secret": "one", "scopes": []}]})
    async with open_as(client="one") as api:
        for call in OPENS.values():
            with pytest.raises(Denied):
                await call(api)


async def test_registering_needs_the_gateway_scope(sandbox: Sandbox, open_as: Opened) -> None:
    """gateway-read opens /gateways for reading, and no registration."""
    scopes = [Scope.GATEWAY_READ.value]
    sandbox.provision({"clients": [{"id": "one", "secret": "one", "scopes": scopes}]})
    async with open_as(client="one") as api:
        with pytest.raises(Denied):
            await api.control.register(
                NewGateway(id="b827eb000009", site_id="1", model="34", name="x")
            )
