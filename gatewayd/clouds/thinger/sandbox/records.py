"""What the sandbox cloud knows: accounts with devices, buckets, endpoints and tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from gatewayd.clouds.thinger.sandbox.points import Points
from gatewayd.sandbox.bodies import Document

CALLS_MAX = 1000
"""Calls of one endpoint that are kept for whoever looks."""


@dataclass(slots=True)
class DeviceToken:
    """A token for one device; `resources` None = all."""

    id: str
    name: str
    token: str
    resources: frozenset[str] | None = None

    def shown(self) -> Document:
        """Return it as the API does."""
        return {"id": self.id, "name": self.name, "token": self.token}


@dataclass(slots=True)
class UserToken:
    """A token for an account; what it allows is by kind, id and action."""

    id: str
    name: str
    token: str
    is_enabled: bool = True
    allow: Mapping[str, object] = field(default_factory=dict)
    deny: Mapping[str, object] = field(default_factory=dict)

    def shown(self) -> Document:
        """Return it as the API does."""
        return {
            "token": self.id,
            "name": self.name,
            "enabled": self.is_enabled,
            "allow": dict(self.allow),
            "deny": dict(self.deny),
        }


@dataclass(slots=True)
class Callback:
    """What becomes of what an HTTP device sends. `heard_ms`: when it did last."""

    actions: dict[str, str] = field(default_factory=dict)
    timeout_min: int | None = None
    heard_ms: int | None = None


@dataclass(slots=True)
class Device:
    """One device, and its latest connection."""

    id: str
    credentials: str = ""
    type: str = "Generic"
    name: str = ""
    description: str = ""
    is_enabled: bool = True
    created_ms: int = 0
    modified_ms: int = 0
    more: Document = field(default_factory=dict)
    is_connected: bool = False
    is_secure: bool = False
    changed_ms: int = 0
    """When it connected or left last."""
    connected_ms: int = 0
    ip_address: str = ""
    rx_bytes: int = 0
    tx_bytes: int = 0
    properties: dict[str, object] = field(default_factory=dict)
    tokens: dict[str, DeviceToken] = field(default_factory=dict)
    callback: Callback = field(default_factory=Callback)

    def is_active(self, now_ms: int) -> bool:
        """Return whether it counts as connected; an HTTP device does while it is heard."""
        heard_ms, timeout_min = self.callback.heard_ms, self.callback.timeout_min
        if self.type == "HTTP" and heard_ms is not None:
            return timeout_min is None or now_ms < heard_ms + timeout_min * 60_000
        return self.is_connected

    def shown(self, user: str, now_ms: int) -> Document:
        """Return it as the API lists it."""
        return {
            "device": self.id,
            "name": self.name,
            "description": self.description,
            "type": self.type,
            "enabled": self.is_enabled,
            "user": user,
            "created": self.created_ms,
            "modified": self.modified_ms,
            "connection": {
                "active": self.is_active(now_ms),
                "ts": self.changed_ms,
                "security": 1 if self.is_secure else 0,
            },
            **self.more,
        }

    def stats(self, now_ms: int) -> Document:
        """Return what there is to tell of its latest connection."""
        return {
            "connected": self.is_active(now_ms),
            "connected_ts": self.connected_ms,
            "ip_address": self.ip_address,
            "rx_bytes": self.rx_bytes,
            "tx_bytes": self.tx_bytes,
        }


@dataclass(slots=True)
class Bucket:
    """One time series."""

    id: str
    points: Points
    name: str = ""
    description: str = ""
    is_enabled: bool = True
    config: Document = field(default_factory=lambda: {"source": "write"})
    tags: list[object] = field(default_factory=list)
    stored_s: float | None = None
    """When a stream stored a point here last, in the loop's time."""

    @property
    def source(self) -> str:
        """Who may write it."""
        return str(self.config.get("source", "write"))

    def shown(self) -> Document:
        """Return it as the API does."""
        return {
            "bucket": self.id,
            "name": self.name,
            "description": self.description,
            "enabled": self.is_enabled,
            "config": self.config,
            "tags": self.tags,
        }


@dataclass(slots=True)
class Endpoint:
    """Something that can be called; here, calls are kept and nothing is done."""

    id: str
    type: str = "http_request"
    config: Document = field(default_factory=dict)
    name: str = ""
    description: str = ""
    is_enabled: bool = True
    calls: deque[object] = field(default_factory=lambda: deque(maxlen=CALLS_MAX))

    def shown(self) -> Document:
        """Return it as the API does."""
        return {
            "endpoint": self.id,
            "type": self.type,
            "config": self.config,
            "name": self.name,
            "description": self.description,
            "enabled": self.is_enabled,
        }


@dataclass(slots=True)
class Account:
    """One user, and all that is his."""

    id: str
    password: str
    devices_max: int = 100
    devices: dict[str, Device] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    tokens: dict[str, UserToken] = field(default_factory=dict)
