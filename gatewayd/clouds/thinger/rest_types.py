"""What the Thinger.io REST API tells and takes: devices, tokens, buckets, properties, endpoints.

Source: Thinger.io REST API; Thinger.io API description 2025 (names of newer fields).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gatewayd.clouds.json_fields import Json, flag, inner, needed, text, whole
from gatewayd.fields import Secret


class DeviceType(StrEnum):
    """How a device speaks to the server."""

    GENERIC = "Generic"
    MQTT = "MQTT"
    HTTP = "HTTP"


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the account. `connected_ms` is when it came or went, if it ever did."""

    id: str
    description: str = ""
    name: str = ""
    type: str = ""
    is_connected: bool | None = None
    connected_ms: int | None = None
    is_enabled: bool | None = None

    @classmethod
    def of(cls, record: Json) -> Device:
        connection = inner(record, "connection") or {}
        return cls(
            id=needed(record, "device"),
            description=text(record, "description"),
            name=text(record, "name"),
            type=text(record, "type"),
            is_connected=flag(connection, "active"),
            connected_ms=whole(connection, "ts"),
            is_enabled=flag(record, "enabled"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to be made."""

    id: str
    credentials: Secret | None = None
    name: str = ""
    description: str = ""
    type: DeviceType = DeviceType.GENERIC

    def body(self) -> dict[str, object]:
        """Return it in today's words."""
        body: dict[str, object] = {
            "device": self.id,
            "name": self.name or self.id,
            "description": self.description,
            "type": self.type.value,
            "enabled": True,
        }
        if self.credentials is not None:
            body["credentials"] = self.credentials.reveal()
        return body

    def old_body(self) -> dict[str, object]:
        """Return it in the words of the vendor's first description, for servers of that age."""
        credentials = self.credentials.reveal() if self.credentials is not None else ""
        return {
            "device_id": self.id,
            "device_description": self.description,
            "device_credentials": credentials,
        }


@dataclass(frozen=True, slots=True)
class Stats:
    """A device's latest connection."""

    is_connected: bool
    connected_ms: int | None = None
    ip_address: str = ""
    rx_bytes: int = 0
    tx_bytes: int = 0

    @classmethod
    def of(cls, record: Json) -> Stats:
        return cls(
            is_connected=flag(record, "connected") is True,
            connected_ms=whole(record, "connected_ts"),
            ip_address=text(record, "ip_address"),
            rx_bytes=whole(record, "rx_bytes") or 0,
            tx_bytes=whole(record, "tx_bytes") or 0,
        )


@dataclass(frozen=True, slots=True)
class DeviceToken:
    """A token for one device, perhaps for some of its resources, perhaps for a while."""

    id: str
    name: str
    token: Secret

    @classmethod
    def of(cls, record: Json) -> DeviceToken:
        return cls(needed(record, "id"), text(record, "name"), Secret(needed(record, "token")))


@dataclass(frozen=True, slots=True)
class UserToken:
    """A token for an account. The cloud shows its text when it is made, perhaps never again."""

    id: str
    name: str = ""
    is_enabled: bool | None = None
    token: Secret | None = None

    @classmethod
    def of(cls, record: Json) -> UserToken:
        shown = text(record, "access_token") or text(record, "jwt")
        return cls(
            needed(record, "token"),
            text(record, "name"),
            flag(record, "enabled"),
            Secret(shown) if shown else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUserToken:
    """A token to be made; `allow` is by kind, id and action, `*` being all.

    {"Device": {"gw01": ["AccessDeviceResources"]}, "Bucket": {"*": "*"}}
    """

    id: str
    name: str = ""
    allow: Mapping[str, object] = field(default_factory=dict)
    deny: Mapping[str, object] = field(default_factory=dict)
    expires_ms: int | None = None

    def body(self) -> dict[str, object]:
        """Return the object that the cloud takes."""
        body: dict[str, object] = {
            "token": self.id,
            "name": self.name or self.id,
            "enabled": True,
            "allow": dict(self.allow),
            "deny": dict(self.deny),
        }
        if self.expires_ms is not None:
            body["expire"] = self.expires_ms
        return body


class Source(StrEnum):
    """Who may write a bucket."""

    WRITE = "write"
    API = "api"
    DEVICE = "device"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBucket:
    """A bucket to be made. `more` goes with the source: device, resource, interval; topic."""

    id: str
    name: str = ""
    description: str = ""
    source: Source = Source.WRITE
    more: Mapping[str, object] = field(default_factory=dict)
    tags: Sequence[str] = ()

    def body(self) -> dict[str, object]:
        """Return the object that the cloud takes."""
        body: dict[str, object] = {
            "bucket": self.id,
            "name": self.name or self.id,
            "description": self.description,
            "enabled": True,
            "config": {"source": self.source.value, **self.more},
        }
        if self.tags:
            body["tags"] = list(self.tags)
        return body


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of the account."""

    id: str
    name: str = ""
    is_enabled: bool | None = None
    source: str = ""

    @classmethod
    def of(cls, record: Json) -> Bucket:
        return cls(
            needed(record, "bucket"),
            text(record, "name"),
            flag(record, "enabled"),
            text(inner(record, "config") or {}, "source"),
        )


@dataclass(frozen=True, slots=True)
class Property:
    """A value that the cloud keeps for a device."""

    id: str
    value: object

    @classmethod
    def of(cls, record: Json) -> Property:
        return cls(needed(record, "property"), record.get("value"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint to be made: what the cloud does when it is called."""

    id: str
    type: str
    config: Mapping[str, object]
    name: str = ""
    description: str = ""

    def body(self) -> dict[str, object]:
        """Return the object that the cloud takes."""
        return {
            "endpoint": self.id,
            "type": self.type,
            "config": dict(self.config),
            "name": self.name or self.id,
            "description": self.description,
            "enabled": True,
        }


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of the account."""

    id: str
    type: str = ""
    name: str = ""
    is_enabled: bool | None = None

    @classmethod
    def of(cls, record: Json) -> Endpoint:
        return cls(
            needed(record, "endpoint"),
            text(record, "type"),
            text(record, "name"),
            flag(record, "enabled"),
        )
