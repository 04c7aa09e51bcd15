"""The other records of the Thing+ REST API: people, places, tags, rules, the catalogue.

Times are UTC milliseconds. What the vendor describes is a field; what it only shows in examples
stays as it came, in `record`.

Source: Thing+ REST API v2 description; REST v1 guide; embedded guide 2.3.
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


@dataclass(frozen=True, slots=True)
class User:
    """A person with a login."""

    id: str
    login_id: str = ""
    email: str = ""
    locale: str = ""
    timezone: str = ""
    country: str = ""
    roles: tuple[str, ...] = ()
    site: str = ""
    service: str = ""

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            login_id=text(record, "loginId"),
            email=text(record, "email"),
            locale=text(record, "locale"),
            timezone=text(record, "timezone"),
            country=text(record, "country"),
            roles=texts(record, "roles"),
            site=text(record, "_site"),
            service=text(record, "_service"),
        )


@dataclass(frozen=True, slots=True)
class Named:
    """A record of which the vendor describes little: service, site, billing, push device."""

    id: str
    name: str = ""
    code: str = ""
    record: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(needed(record, "id"), text(record, "name"), text(record, "code"), record)


@dataclass(frozen=True, slots=True)
class Tag:
    """A user's own group of sensors."""

    id: str
    name: str = ""
    sensors: tuple[str, ...] = ()
    created_ms: int | None = None
    modified_ms: int | None = None

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            name=text(record, "name"),
            sensors=texts(record, "sensors"),
            created_ms=whole(record, "ctime"),
            modified_ms=whole(record, "mtime"),
        )


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened, as the portal tells it."""

    id: str
    time_ms: int | None = None
    type: str = ""
    severity: str = ""
    message: str = ""
    event: str = ""
    is_success: bool | None = None
    is_checked: bool | None = None
    record: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            time_ms=whole(record, "time"),
            type=text(record, "type"),
            severity=text(record, "severity"),
            message=text(record, "message"),
            event=text(record, "event"),
            is_success=flag(record, "success"),
            is_checked=flag(record, "checked"),
            record=record,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What the cloud does by itself when something happens."""

    id: str
    name: str = ""
    status: str = ""
    severity: str = ""
    timezone: str = ""
    trigger: Mapping[str, object] = field(default_factory=dict)
    record: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            name=text(record, "name"),
            status=text(record, "status"),
            severity=text(record, "severity"),
            timezone=text(record, "timezone"),
            trigger=inner(record, "trigger") or {},
            record=record,
        )


@dataclass(frozen=True, slots=True)
class SensorType:
    """One quantity or kind of actuator of the catalogue."""

    id: str
    category: str = ""
    record: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(needed(record, "id"), text(record, "category"), record)


@dataclass(frozen=True, slots=True)
class SensorDriver:
    """One driver of the catalogue, with the sensor models that it serves."""

    id: str
    category: str = ""
    models: tuple[str, ...] = ()
    id_template: str = ""
    is_discoverable: bool | None = None
    record: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            category=text(record, "category"),
            models=texts(record, "models"),
            id_template=text(record, "idTemplate"),
            is_discoverable=flag(record, "discoverable"),
            record=record,
        )


@dataclass(frozen=True, slots=True)
class SensorTemplate:
    """One sensor that a device model may have."""

    model: str
    type: str
    category: str
    driver_name: str
    network: str

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            model=text(record, "model"),
            type=text(record, "type"),
            category=text(record, "category"),
            driver_name=text(record, "driverName"),
            network=text(record, "network"),
        )


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One kind of device that a gateway model may have."""

    id: str
    id_template: str = ""
    is_discoverable: bool | None = None
    count_max: int | None = None
    sensors: tuple[SensorTemplate, ...] = ()

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            id_template=text(record, "idTemplate"),
            is_discoverable=flag(record, "discoverable"),
            count_max=whole(record, "max"),
            sensors=tuple(map(SensorTemplate.of, objects(record, "sensors"))),
        )


@dataclass(frozen=True, slots=True)
class GatewayModel:
    """One kind of gateway of the catalogue; `id_format` is empty for a MAC address."""

    id: str
    model: str = ""
    vendor: str = ""
    display_name: str = ""
    id_format: str = ""
    device_models: tuple[DeviceModel, ...] = ()
    record: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            id=needed(record, "id"),
            model=text(record, "model"),
            vendor=text(record, "vendor"),
            display_name=text(record, "displayName"),
            id_format=text(record, "idFormat"),
            device_models=tuple(map(DeviceModel.of, objects(record, "deviceModels"))),
            record=record,
        )
