"""A whole world in one document: sites, accounts, apps, gateways with keys, sensors, actuators."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox.bodies import IDENTIFIER, YES_NO
from gatewayd.clouds.thingplus.sandbox.records import (
    AuthClient,
    Device,
    Gateway,
    Plan,
    Sensor,
    Site,
)
from gatewayd.clouds.thingplus.sandbox.scopes import SCOPES
from gatewayd.clouds.thingplus.sandbox.world import FIRST_LOGIN, FIRST_SITE, SERVICE, World, md5
from gatewayd.sandbox.bodies import (
    BOOL,
    FILLED,
    LIST,
    OBJECT,
    TEXT,
    TEXTS,
    WHOLE,
    Document,
    check,
    one_of,
    optional,
)
from gatewayd.sandbox.errors import schema

_LISTS = ("sites", "accounts", "clients", "gateways", "timelines")
_DOCUMENT = {name: optional(LIST) for name in _LISTS}
_DOCUMENT["vendor_keys"] = optional(OBJECT)
_SITE = {"id": IDENTIFIER, "name": optional(TEXT), "plan": optional(OBJECT)}
_PLAN = {name: optional(WHOLE) for name in Plan.__dataclass_fields__}
_ACCOUNT = {
    "login_id": FILLED,
    "password": TEXT,
    "site": optional(TEXT),
    "is_service_admin": optional(BOOL),
    "is_approved": optional(BOOL),
}
_CLIENT = {
    "id": FILLED,
    "secret": TEXT,
    "name": optional(TEXT),
    "scopes": optional(TEXTS),
    "account": optional(TEXT),
}
_GATEWAY = {
    "id": IDENTIFIER,
    "api_key": optional(FILLED),
    "name": optional(FILLED),
    "site": optional(TEXT),
    "model": optional(TEXT),
    "report_interval_ms": optional(WHOLE),
    "auto_create": optional(YES_NO),
    "devices": optional(LIST),
    "sensors": optional(LIST),
}
_DEVICE = {"id": IDENTIFIER, "name": optional(TEXT), "model": optional(TEXT)}
_ENTRY = {"id": optional(TEXT), "time": TEXT, "type": optional(TEXT), "_site": optional(TEXT)}
_SENSOR = {
    "id": IDENTIFIER,
    "type": FILLED,
    "name": optional(TEXT),
    "category": optional(one_of("sensor", "actuator")),
    "device": optional(IDENTIFIER),
    "options": optional(OBJECT),
}


def provision(world: World, document: Document) -> Document:
    """Make what a document lists, and return it with the API keys.

    ```
    {"sites": [{"id": "2", "plan": {"gateways_max": 2}}],
     "accounts": [{"login_id": "ann", "password": "…", "site": "2"}],
     "clients": [{"id": "app", "secret": "…", "scopes": ["gateway"]}],
     "vendor_keys": {"daliworks": "…"},
     "timelines": [{"time": "1700000000000", "type": "sensorValue", "message": "…"}],
     "gateways": [{"id": "b827eb000001", "api_key": "…", "sensors": [
        {"id": "b827eb000001-0-temp", "type": "temperature"},
        {"id": "b827eb000001-0-relay", "type": "powerSwitch"}]}]}
    ```
    Everything but ids may be left out. What is made before an error stays.

    Raises:
        ApiError: 400 a wrong shape, 404 an unknown site or model, 409 an id that is taken.
    """
    check(document, _DOCUMENT, place="document")
    for each in document.get("sites", ()):
        _add_site(world, check(each, _SITE, place="site"))
    for each in document.get("accounts", ()):
        _add_account(world, check(each, _ACCOUNT, place="account"))
    for each in document.get("clients", ()):
        _add_client(world, check(each, _CLIENT, place="client"))
    world.vendor_keys |= document.get("vendor_keys", {})
    gateways = [
        _add_gateway(world, check(each, _GATEWAY, place="gateway"))
        for each in document.get("gateways", ())
    ]
    for each in document.get("timelines", ()):
        entry = check(each, _ENTRY, is_open=True, place="timeline entry")
        world.add_document("timelines", {"_site": FIRST_SITE, **entry})
    return {"gateways": gateways}


def _add_site(world: World, each: Document) -> None:
    plan = Plan(**check(each.get("plan", {}), _PLAN, place="plan"))
    name = str(each.get("name") or f"Site {each['id']}")
    world.sites[each["id"]] = Site(each["id"], name, SERVICE, world.clock.now_ms(), plan)


def _add_account(world: World, each: Document) -> None:
    account = world.add_account(
        each["login_id"],
        md5(each["password"]),
        each.get("site", FIRST_SITE),
        is_service_admin=each.get("is_service_admin", False),
    )
    if not each.get("is_approved", True):
        account.profile["accessApproval"] = "deny"


def _add_client(world: World, each: Document) -> None:
    scopes = frozenset(each.get("scopes", SCOPES))
    unknown = sorted(scopes - SCOPES.keys())
    if unknown:
        raise schema(f"unknown scope {unknown[0]}")
    owner = world.account_of(each.get("account", FIRST_LOGIN))
    name, now_ms = str(each.get("name") or each["id"]), world.clock.now_ms()
    world.add_client(AuthClient(each["id"], name, each["secret"], scopes, owner.id, now_ms))


def _add_gateway(world: World, each: Document) -> Document:
    now_ms, name = world.clock.now_ms(), each["id"]
    site = world.site(each.get("site", FIRST_SITE))
    made = Gateway(
        id=name,
        name=str(each.get("name") or name),
        model=each.get("model", "34"),
        site=site.id,
        service=site.service,
        user=world.account_of(FIRST_LOGIN).id,
        created_ms=now_ms,
        modified_ms=now_ms,
        report_interval_ms=each.get("report_interval_ms", 60_000),
        auto_create=each.get("auto_create", "y"),
    )
    world.add_gateway(made)
    key = world.issue_key(name, site.id, made.model, each.get("api_key"))
    for device in each.get("devices", ()):
        _add_device(world, made, check(device, _DEVICE, place="device"))
    for sensor in each.get("sensors", ()):
        _add_sensor(world, made, check(sensor, _SENSOR, place="sensor"))
    sensors = list(made.sensors)
    return {"id": name, "api_key": key.key, "devices": list(made.devices), "sensors": sensors}


def _add_device(world: World, owner: Gateway, each: Document) -> None:
    now_ms, name = world.clock.now_ms(), str(each.get("name") or each["id"])
    model = (
        each.get("model") or world.catalogue.gateway_models[owner.model]["deviceModels"][0]["id"]
    )
    world.add_device(owner, Device(each["id"], name, model, owner.id, now_ms, now_ms))


def _add_sensor(world: World, owner: Gateway, each: Document) -> None:
    now_ms = world.clock.now_ms()
    is_actuator = world.catalogue.is_actuator(each["type"])
    traits = world.catalogue.guess_traits(each["type"])
    if "options" in each:
        traits["options"] = each["options"]
    made = Sensor(
        id=each["id"],
        owner=owner.id,
        name=str(each.get("name") or each["id"]),
        type=each["type"],
        category=each.get("category", "actuator" if is_actuator else "sensor"),
        series=world.new_series(),
        created_ms=now_ms,
        modified_ms=now_ms,
        device=each.get("device"),
        traits=traits,
    )
    world.add_sensor(owner, made)
