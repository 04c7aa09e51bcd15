"""Gateways, devices and sensors as the Thing+ REST API shows them.

Times are UTC milliseconds. A field that an answer left out is empty or None; only `id` is always
there. A resource that was embedded stands as objects (`sensors`), otherwise as ids
(`sensor_ids`).

Source: Thing+ REST API v2 description; embedded guide 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from gatewayd.clouds.json_fields import (
    Json,
    flag,
    inner,
    needed,
    objects,
    text,
    texts,
    whole,
)
from gatewayd.clouds.thingplus.envelope import Envelope, Meta
from gatewayd.clouds.thingplus.rest_errors import ThingPlusError
from gatewayd.clouds.thingplus.rest_series import Series, Status


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a gateway."""

    id: str
    name: str = ""
    model: str = ""
    owner: str = ""
    created_ms: int | None = None
    modified_ms: int | None = None

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            name=text(record, "name"),
            model=text(record, "model"),
            owner=text(record, "owner"),
            created_ms=whole(record, "ctime"),
            modified_ms=whole(record, "mtime"),
        )


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor or actuator; `category` says which."""

    id: str
    name: str = ""
    owner: str = ""
    device_id: str = ""
    type: str = ""
    category: str = ""
    network: str = ""
    driver_name: str = ""
    model: str = ""
    sequence: str = ""
    address: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    is_virtual: bool | None = None
    status: Status | None = None
    series: Series | None = None
    created_ms: int | None = None
    modified_ms: int | None = None

    @classmethod
    def of(cls, record: Json, meta: Meta | None = None) -> Self:
        status, series = inner(record, "status"), inner(record, "series")
        return cls(
            id=needed(record, "id"),
            name=text(record, "name"),
            owner=text(record, "owner"),
            device_id=text(record, "deviceId"),
            type=text(record, "type"),
            category=text(record, "category"),
            network=text(record, "network"),
            driver_name=text(record, "driverName"),
            model=text(record, "model"),
            sequence=text(record, "sequence"),
            address=text(record, "address"),
            options=inner(record, "options") or {},
            is_virtual=flag(record, "virtual"),
            status=Status.of(status) if status else None,
            series=Series.of(series, meta or Meta()) if series else None,
            created_ms=whole(record, "ctime"),
            modified_ms=whole(record, "mtime"),
        )


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway."""

    id: str
    name: str = ""
    model: str = ""
    site: str = ""
    service: str = ""
    report_interval_ms: int | None = None
    is_discoverable: bool | None = None
    is_virtual: bool | None = None
    device_models: tuple[str, ...] = ()
    device_ids: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    sensor_ids: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    status: Status | None = None
    location: Mapping[str, object] = field(default_factory=dict)
    created_ms: int | None = None
    modified_ms: int | None = None

    @classmethod
    def of(cls, record: Json, meta: Meta | None = None) -> Self:
        status = inner(record, "status")
        return cls(
            id=needed(record, "id"),
            name=text(record, "name"),
            model=text(record, "model"),
            site=text(record, "_site"),
            service=text(record, "_service"),
            report_interval_ms=whole(record, "reportInterval"),
            is_discoverable=flag(record, "autoCreateDiscoverable"),
            is_virtual=flag(record, "virtual"),
            device_models=tuple(text(each, "model") for each in objects(record, "deviceModels")),
            device_ids=texts(record, "devices"),
            devices=tuple(map(Device.of, objects(record, "devices"))),
            sensor_ids=texts(record, "sensors"),
            sensors=tuple(Sensor.of(each, meta) for each in objects(record, "sensors")),
            status=Status.of(status) if status else None,
            location=inner(record, "location") or {},
            created_ms=whole(record, "ctime"),
            modified_ms=whole(record, "mtime"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to be made; `id` is the id that is asked for."""

    id: str
    name: str
    model: str

    def body(self) -> dict[str, object]:
        """Return it as the cloud takes it."""
        return {"reqId": self.id, "name": self.name, "model": self.model}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSensor:
    """A sensor or actuator to be made; `id` is the id that is asked for."""

    id: str
    name: str
    type: str
    category: str
    model: str
    driver_name: str
    network: str
    device_id: str

    def body(self) -> dict[str, object]:
        """Return it as the cloud takes it."""
        return {
            "reqId": self.id,
            "category": self.category,
            "type": self.type,
            "model": self.model,
            "driverName": self.driver_name,
            "network": self.network,
            "name": self.name,
            "deviceId": self.device_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGateway:
    """A gateway to be registered, with what belongs to it."""

    id: str
    site_id: str
    model: str
    name: str
    report_interval_ms: int | None = None
    is_discoverable: bool | None = None
    device_models: tuple[str, ...] = ()
    devices: tuple[NewDevice, ...] = ()
    sensors: tuple[NewSensor, ...] = ()

    def body(self) -> dict[str, object]:
        """Return it as the cloud takes it; what was not said is left out."""
        params: dict[str, object] = {
            "siteId": self.site_id,
            "model": self.model,
            "name": self.name,
            "deviceModels": [{"id": each, "model": each} for each in self.device_models],
            "devices": [each.body() for each in self.devices],
            "sensors": [each.body() for each in self.sensors],
        }
        if self.report_interval_ms is not None:
            params["reportInterval"] = self.report_interval_ms
        if self.is_discoverable is not None:
            params["autoCreateDiscoverable"] = "y" if self.is_discoverable else "n"
        return {"id": self.id, "params": {key: each for key, each in params.items() if each != []}}


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of a registration; `problems` are what a partial one (207) left undone."""

    gateway: Gateway
    problems: tuple[ThingPlusError, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not self.problems

    @classmethod
    def of(cls, envelope: Envelope) -> Self:
        problems = envelope.errors
        if envelope.status == 207 and not problems:
            problems = (ThingPlusError(207),)
        return cls(Gateway.of(envelope.record), problems)
