"""The sandbox cloud's accounts: who there is, and the making of things with every check.

Source: Thinger.io REST API (devices, with the ids of newer servers); Thinger.io API description
2025 (buckets, endpoints).
"""

from __future__ import annotations

import re

from gatewayd.clouds.thinger.names import DEVICE_ID, NAME
from gatewayd.clouds.thinger.sandbox.points import Points
from gatewayd.clouds.thinger.sandbox.records import Account, Bucket, Device, Endpoint
from gatewayd.clouds.thinger.sandbox.settings import SandboxSettings
from gatewayd.sandbox.bodies import (
    BOOL,
    FILLED,
    LIST,
    OBJECT,
    TEXT,
    Document,
    Field,
    check,
    one_of,
    optional,
)
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errors import ApiError, invalid, not_found

FIRST_USER = "sandbox"
"""The first account; its password is the same word."""

TYPES = ("Generic", "MQTT", "HTTP")
SOURCES = ("write", "api", "device", "mqtt")
TAGS_MAX = 5
DAY_MS = 86_400_000
CREDENTIALS = re.compile(r".{6,255}", re.DOTALL)

_OLD_DEVICE = {
    "device_id": FILLED,
    "device_description": optional(TEXT),
    "device_credentials": FILLED,
}
_MORE = ("asset_type", "asset_group", "product", "project")
_DEVICE = {
    "device": FILLED,
    "credentials": optional(TEXT),
    "name": optional(TEXT),
    "description": optional(TEXT),
    "type": optional(one_of(*TYPES)),
    "enabled": optional(BOOL),
    **dict.fromkeys(_MORE, optional(TEXT)),
}
_DEVICE_CHANGES = {name: optional(each) for name, each in _DEVICE.items() if name != "device"}
_BUCKET: dict[str, Field] = {
    "bucket": FILLED,
    "name": optional(TEXT),
    "description": optional(TEXT),
    "enabled": optional(BOOL),
    "config": optional(OBJECT),
    "tags": optional(LIST),
}
_BUCKET_CHANGES = {name: optional(each) for name, each in _BUCKET.items() if name != "bucket"}
_ENDPOINT = {
    "endpoint": FILLED,
    "type": FILLED,
    "config": optional(OBJECT),
    "name": optional(TEXT),
    "description": optional(TEXT),
    "enabled": optional(BOOL),
}


class World:
    """All accounts; begins with one."""

    def __init__(self, settings: SandboxSettings, clock: MovableClock) -> None:
        self.settings = settings
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything but the first account, which is empty."""
        self.accounts = {FIRST_USER: Account(FIRST_USER, FIRST_USER)}

    def account(self, user: str) -> Account:
        """Return an account. Raises ApiError: 404."""
        found = self.accounts.get(user)
        if found is None:
            raise not_found(f"user {user[:40]}")
        return found

    def add_account(self, user: str, password: str, devices_max: int = 100) -> Account:
        """Make an account, or change the password of one that is there. Raises ApiError."""
        if not DEVICE_ID.fullmatch(user):
            raise invalid(f"{user[:40]!r} is no user name")
        account = self.accounts.setdefault(user, Account(user, password))
        account.password, account.devices_max = password, devices_max
        return account

    def device(self, account: Account, id: str) -> Device:
        """Return a device. Raises ApiError: 404."""
        found = account.devices.get(id)
        if found is None:
            raise ApiError(404, "", "device not found")
        return found

    def add_device(self, account: Account, body: object) -> Device:
        """Make a device from an old or a new body. Raises ApiError: 400."""
        if isinstance(body, dict) and "device_id" in body:
            old = check(body, _OLD_DEVICE)
            body = {name.removeprefix("device_"): value for name, value in old.items()}
            body["device"] = body.pop("id")
        said = check(body, _DEVICE)
        kind = said.get("type", "Generic")
        self._check_credentials(said.get("credentials"), kind)
        if not DEVICE_ID.fullmatch(said["device"]):
            raise invalid("the device id is not of letters, digits, _ or -, 32 at the most")
        if said["device"] in account.devices:
            raise invalid(f"device {said['device']} exists already")
        if len(account.devices) >= account.devices_max:
            raise invalid(f"the account is limited to {account.devices_max} devices")
        device = Device(said["device"], created_ms=self.clock.now_ms())
        self._describe(device, said)
        account.devices[device.id] = device
        return device

    def change_device(self, device: Device, body: object) -> None:
        """Change some fields of a device. Raises ApiError: 400."""
        said = check(body, _DEVICE_CHANGES)
        if "credentials" in said:
            self._check_credentials(said["credentials"], device.type)
        self._describe(device, said)

    def delete_device(self, account: Account, id: str) -> None:
        """Delete a device. Raises ApiError: 400 while it is connected, 404."""
        if self.device(account, id).is_connected:
            raise invalid(f"device {id} is connected")
        del account.devices[id]

    def _describe(self, device: Device, said: Document) -> None:
        device.type = said.get("type", device.type)
        device.credentials = said.get("credentials", device.credentials)
        device.name = said.get("name", device.name or device.id)
        device.description = said.get("description", device.description)
        device.is_enabled = said.get("enabled", device.is_enabled)
        device.more |= {name: said[name] for name in _MORE if name in said}
        device.modified_ms = self.clock.now_ms()

    @staticmethod
    def _check_credentials(credentials: str | None, kind: str) -> None:
        if credentials is None and kind == "HTTP":
            return
        if credentials is None or not CREDENTIALS.fullmatch(credentials):
            raise invalid("credentials are 6 to 255 characters")

    def bucket(self, account: Account, id: str) -> Bucket:
        """Return a bucket. Raises ApiError: 404."""
        found = account.buckets.get(id)
        if found is None:
            raise not_found(f"bucket {id[:40]}")
        return found

    def add_bucket(self, account: Account, body: object) -> Bucket:
        """Make a bucket. Raises ApiError: 400."""
        said = check(body, _BUCKET)
        if not NAME.fullmatch(said["bucket"]):
            raise invalid("the bucket id is not of letters, digits or _, 32 at the most")
        if said["bucket"] in account.buckets:
            raise invalid(f"bucket {said['bucket']} exists already")
        bucket = Bucket(said["bucket"], Points(self.settings.points_max))
        self.change_bucket(bucket, {name: said[name] for name in said if name != "bucket"})
        account.buckets[bucket.id] = bucket
        return bucket

    def change_bucket(self, bucket: Bucket, body: object) -> None:
        """Change some fields of a bucket. Raises ApiError: 400."""
        said = check(body, _BUCKET_CHANGES)
        config = said.get("config", bucket.config)
        if config.get("source", "write") not in SOURCES:
            raise invalid(f"source is {', '.join(SOURCES)}")
        if config.get("source") == "device" and not config.get("resource"):
            raise invalid("a bucket of a device needs device and resource")
        if len(said.get("tags", ())) > TAGS_MAX:
            raise invalid(f"a bucket has {TAGS_MAX} tags at the most")
        bucket.config = config
        bucket.name = said.get("name", bucket.name or bucket.id)
        bucket.description = said.get("description", bucket.description)
        bucket.is_enabled = said.get("enabled", bucket.is_enabled)
        bucket.tags = said.get("tags", bucket.tags)

    def endpoint(self, account: Account, id: str) -> Endpoint:
        """Return an endpoint. Raises ApiError: 404."""
        found = account.endpoints.get(id)
        if found is None:
            raise not_found(f"endpoint {id[:40]}")
        return found

    def add_endpoint(self, account: Account, body: object) -> Endpoint:
        """Make an endpoint. Raises ApiError: 400."""
        said = check(body, _ENDPOINT)
        if not NAME.fullmatch(said["endpoint"]):
            raise invalid("the endpoint id is not of letters, digits or _, 32 at the most")
        if said["endpoint"] in account.endpoints:
            raise invalid(f"endpoint {said['endpoint']} exists already")
        id: str = said["endpoint"]
        endpoint = Endpoint(
            id,
            type=said["type"],
            config=said.get("config", {}),
            name=said.get("name", id),
            description=said.get("description", ""),
            is_enabled=said.get("enabled", True),
        )
        account.endpoints[endpoint.id] = endpoint
        return endpoint
