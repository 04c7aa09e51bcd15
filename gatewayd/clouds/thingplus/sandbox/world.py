"""All that the sandbox cloud knows: one flat world of records, and the laws between them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sized
from dataclasses import dataclass

from gatewayd.clouds.thingplus.sandbox.answers import billing, conflict, foreign
from gatewayd.clouds.thingplus.sandbox.catalogue import Catalogue
from gatewayd.clouds.thingplus.sandbox.records import (
    Account,
    AuthClient,
    Device,
    Gateway,
    GatewayKey,
    Sensor,
    Site,
    StatusMark,
)
from gatewayd.clouds.thingplus.sandbox.scopes import SCOPES
from gatewayd.clouds.thingplus.sandbox.series import Series
from gatewayd.clouds.thingplus.sandbox.settings import SandboxSettings
from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errors import ApiError, not_found

SERVICE = "sandbox"
FIRST_SITE = "1"
FIRST_LOGIN = "sandbox"
"""Login, password, app id and app secret of what a fresh world holds; no secret at all."""

COLLECTIONS = ("tags", "timelines", "rules", "pushDevices")
RECORDS_MAX = 100_000
"""Records of one kind; a test that loops must not eat the machine."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user, or a gateway with its API key. `scopes` None = a session, no limits."""

    account: Account | None = None
    gateway: Gateway | None = None
    scopes: frozenset[str] | None = None


class World:
    """The records by id. Sensor ids are unique over all gateways, as the vendor's are."""

    def __init__(self, settings: SandboxSettings, clock: MovableClock) -> None:
        self.settings = settings
        self.clock = clock
        self.catalogue = Catalogue()
        self.reset()

    def reset(self) -> None:
        """Forget everything and found the first site, account and app again."""
        self.sites: dict[str, Site] = {}
        self.accounts: dict[str, Account] = {}
        self.clients: dict[str, AuthClient] = {}
        self.keys: dict[str, GatewayKey] = {}
        self.vendor_keys = {"daliworks": "sandbox-vendor-key"}
        self.gateways: dict[str, Gateway] = {}
        self.sensors: dict[str, Sensor] = {}
        self.devices: dict[str, Device] = {}
        self.collections: dict[str, dict[str, Document]] = {name: {} for name in COLLECTIONS}
        self._number = 0
        now_ms = self.clock.now_ms()
        self.sites[FIRST_SITE] = Site(FIRST_SITE, "Sandbox", SERVICE, now_ms)
        self.add_account(FIRST_LOGIN, md5(FIRST_LOGIN), FIRST_SITE, is_service_admin=True)
        self.add_client(
            AuthClient(
                FIRST_LOGIN,
                "Sandbox app",
                FIRST_LOGIN,
                frozenset(SCOPES),
                self.account_of(FIRST_LOGIN).id,
                now_ms,
            )
        )

    def next_id(self) -> str:
        """Return a number that no record has had, as text."""
        self._number += 1
        return str(self._number)

    # Accounts.

    def add_account(
        self, login_id: str, password_md5: str, site: str, *, is_service_admin: bool = False
    ) -> Account:
        """Make a user of a site. Raises ApiError: login taken, site unknown."""
        if any(each.login_id == login_id for each in self.accounts.values()):
            raise conflict(f"account {login_id}")
        place = self.site(site)
        account = Account(
            self.next_id(), login_id, password_md5, site, place.service, self.clock.now_ms()
        )
        account.is_service_admin = is_service_admin
        self.accounts[account.id] = account
        return account

    def account_of(self, login_id: str) -> Account:
        """Return a user by login. Raises ApiError: there is none."""
        for account in self.accounts.values():
            if account.login_id == login_id:
                return account
        raise not_found(f"account {login_id}")

    def add_client(self, client: AuthClient) -> None:
        """Register an app. Raises ApiError: its id is taken."""
        if client.id in self.clients:
            raise conflict(f"authClient {client.id}")
        _expect_room(self.clients, "authClients")
        self.clients[client.id] = client

    def site(self, site: str) -> Site:
        """Return a site. Raises ApiError: there is none."""
        if site not in self.sites:
            raise not_found(f"site {site}")
        return self.sites[site]

    def may_enter(self, caller: Caller, site: str) -> bool:
        """Return whether this site's records are the caller's to see."""
        account = caller.account
        return account is not None and (account.is_service_admin or account.site == site)

    # Gateways and what hangs on them.

    def gateway_for(self, caller: Caller, gateway: str) -> Gateway:
        """Return a gateway that the caller may use. Raises ApiError: 404 or 403."""
        found = self.gateways.get(gateway)
        if found is None:
            raise not_found(f"gateway {gateway}")
        if caller.gateway is not None:
            allowed = caller.gateway is found
        else:
            allowed = self.may_enter(caller, found.site)
        if not allowed:
            raise foreign(f"gateway {gateway}")
        return found

    def sensor_for(self, caller: Caller, gateway: str, sensor: str) -> Sensor:
        """Return a sensor of a gateway. Raises ApiError: 404, or 403 if it is somebody else's."""
        owner = self.gateway_for(caller, gateway)
        if sensor in owner.sensors:
            return owner.sensors[sensor]
        elsewhere = self.sensors.get(sensor)
        if elsewhere is not None:
            self.gateway_for(caller, elsewhere.owner)
        raise not_found(f"sensor {sensor}")

    def add_gateway(self, gateway: Gateway) -> None:
        """Register a gateway. Raises ApiError: id taken, unknown model or site, plan exceeded."""
        if gateway.id in self.gateways:
            raise conflict(f"gateway {gateway.id}")
        if gateway.model not in self.catalogue.gateway_models:
            raise not_found(f"gateway model {gateway.model}")
        plan = self.site(gateway.site).plan
        if self.count_gateways(gateway.site) >= plan.gateways_max:
            raise billing(f"{plan.gateways_max} gateways")
        self.gateways[gateway.id] = gateway

    def remove_gateway(self, gateway: Gateway) -> None:
        """Forget a gateway, its devices, sensors and key."""
        for device in gateway.devices:
            self.devices.pop(device, None)
        for sensor in gateway.sensors:
            self.sensors.pop(sensor, None)
        self.keys.pop(gateway.id, None)
        del self.gateways[gateway.id]

    def add_device(self, gateway: Gateway, device: Device) -> None:
        """Add a device. Raises ApiError: id taken, model unknown, plan exceeded."""
        if device.id in self.devices:
            raise conflict(f"device {device.id}")
        if device.model not in self.catalogue.device_models:
            raise not_found(f"device model {device.model}")
        plan = self.site(gateway.site).plan
        if len(self.devices) >= plan.devices_max:
            raise billing(f"{plan.devices_max} devices")
        gateway.devices[device.id] = self.devices[device.id] = device

    def add_sensor(self, gateway: Gateway, sensor: Sensor) -> None:
        """Add a sensor or actuator. Raises ApiError: id taken, plan exceeded."""
        if sensor.id in self.sensors:
            raise conflict(f"sensor {sensor.id}")
        plan = self.site(gateway.site).plan
        if self.count_sensors(gateway.site) >= plan.sensors_max:
            raise billing(f"{plan.sensors_max} sensors")
        gateway.sensors[sensor.id] = self.sensors[sensor.id] = sensor

    def count_gateways(self, site: str) -> int:
        """Return how many gateways a site has."""
        return sum(gateway.site == site for gateway in self.gateways.values())

    def count_sensors(self, site: str) -> int:
        """Return how many sensors the gateways of a site have."""
        mine = (gateway for gateway in self.gateways.values() if gateway.site == site)
        return sum(len(gateway.sensors) for gateway in mine)

    def new_series(self) -> Series:
        """Return an empty series of the size that this sandbox keeps."""
        return Series(self.settings.points_max)

    def issue_key(self, gateway: str, site: str, model: str, key: str | None = None) -> GatewayKey:
        """Return the API key of a gateway id, made now if there was none.

        Raises:
            ApiError: another site has it.
        """
        found = self.keys.get(gateway)
        if found is None:
            _expect_room(self.keys, "keys")
            text = key or base64.urlsafe_b64encode(secrets.token_bytes(20)).decode()
            found = self.keys[gateway] = GatewayKey(gateway, text, site, model)
        elif found.site != site:
            raise foreign(f"the key of {gateway}")
        return found

    def is_key_of(self, gateway: str, key: str) -> bool:
        """Return whether a registered gateway shows its own key."""
        known = self.keys.get(gateway)
        if known is None or gateway not in self.gateways:
            return False
        return secrets.compare_digest(known.key.encode(), key.encode())

    def mark(
        self, holder: Gateway | Sensor, word: str, expires_ms: int | None, detail: str = ""
    ) -> StatusMark:
        """Store a status of a gateway or sensor, received now, and return it."""
        now_ms, old = self.clock.now_ms(), holder.status
        changed_ms = now_ms if old is None or old.word != word else old.changed_ms
        created_ms = now_ms if old is None else old.created_ms
        holder.status = StatusMark(word, detail, now_ms, expires_ms, changed_ms, created_ms)
        if isinstance(holder, Gateway):
            holder.history.append([now_ms], [word])
        return holder.status

    # Tags, timelines, rules and push devices: documents that nothing here depends on.

    def add_document(self, name: str, document: Document) -> Document:
        """Store a document under a new id (or its own). Raises ApiError: taken, or too many."""
        records = self.collections[name]
        document.setdefault("id", self.next_id())
        if document["id"] in records:
            raise conflict(f"{name} {document['id']}")
        _expect_room(records, name)
        now = str(self.clock.now_ms())
        document |= {"ctime": now, "mtime": now}
        records[document["id"]] = document
        return document


def _expect_room(records: Sized, name: str) -> None:
    if len(records) >= RECORDS_MAX:
        raise ApiError(500, "DB_INTERNAL_ERROR", f"more than {RECORDS_MAX} {name}")


def md5(text: str) -> str:
    """Return the lower-case hex MD5 that the vendor uses for passwords."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
