"""What the Thingsee REST API tells of things and groups.

Times are unix seconds, as the cloud has them. What an answer left out is empty or None.

Source: Thingsee Open Services API; Thingsee Toolbox (device and installation models).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from gatewayd.clouds.json_fields import Json, flag, inner, needed, objects, text, texts, whole
from gatewayd.clouds.thingsee.codec import Message, maybe_number, of_json
from gatewayd.clouds.thingsee.envelope import record_in


class InstallationStatus(StrEnum):
    """What a thing's life has come to."""

    NEW = "new"
    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"
    QUARANTINE = "quarantine"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which messages or commands: of these ids, of these events, from and to (s, included).

    `limit` is of the newest; None leaves it out, where the cloud allows that.
    """

    message_ids: tuple[int, ...] = ()
    event_ids: tuple[int, ...] = ()
    from_s: int | None = None
    to_s: int | None = None
    limit: int | None = None

    def asked(self) -> dict[str, str | int]:
        """Return the query."""
        found: dict[str, str | int] = {}
        if self.message_ids:
            found["messageid"] = _list(self.message_ids)
        if self.event_ids:
            found["eventid"] = _list(self.event_ids)
        numbers = {"from": self.from_s, "to": self.to_s, "limit": self.limit}
        return found | {name: each for name, each in numbers.items() if each is not None}


def _list(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))


@dataclass(frozen=True, slots=True)
class Location:
    """Where a thing is, in degrees; None is not said."""

    lat: float | None
    lon: float | None

    @classmethod
    def of(cls, record: Json | None) -> Self:
        record = record or {}
        return cls(_degrees(record.get("lat")), _degrees(record.get("lon")))


def _degrees(value: object) -> float | None:
    """Return a number, also from text: the vendor's page says text and shows a number."""
    if isinstance(value, str):
        try:
            return maybe_number(float(value))
        except ValueError:
            return None
    return maybe_number(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True)
class ThingInfo:
    """A thing in general; `time_s` is of its last event, `battery` in percent."""

    tuid: str
    battery: int | None
    time_s: int | None
    location: Location
    gateway: str
    version: str

    @classmethod
    def of(cls, tuid: str, data: object) -> Self:
        record = record_in(data)
        return cls(
            tuid=tuid,
            battery=whole(record, "battery_level"),
            time_s=whole(record, "timestamp"),
            location=Location.of(inner(record, "location")),
            gateway=text(record, "gateway_tuid"),
            version=text(record, "version"),
        )


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """When an alert was on, ISO times without a zone, UTC; an empty end is not over."""

    from_time: str
    to_time: str

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(text(record, "from"), text(record, "to"))


@dataclass(frozen=True, slots=True)
class Alert:
    """One kind of alert of a thing, and when it was on."""

    tuid: str
    type: str
    spans: tuple[AlertSpan, ...]

    @classmethod
    def of(cls, record: Json) -> Self:
        spans = tuple(map(AlertSpan.of, objects(record, "alerts")))
        return cls(needed(record, "tuid"), text(record, "alert_type"), spans)


@dataclass(frozen=True, slots=True)
class LoggedCommand:
    """One command of the log: when, by whom, what."""

    tuid: str
    time_s: int | None
    responsible: str
    command: Message

    @classmethod
    def of(cls, record: Json) -> Self:
        command = of_json(inner(record, "command"))
        responsible = text(record, "responsible")
        return cls(needed(record, "tuid"), whole(record, "timestamp"), responsible, command)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of commands: who sent them, and they as the cloud passes them on.

    `messages` are the things' answers, where a gateway answers by itself; the cloud has none yet.
    """

    responsible: str
    commands: tuple[Message, ...]
    messages: tuple[Message, ...] = ()

    @classmethod
    def of(cls, data: object) -> Self:
        record = record_in(data)
        commands, messages = (
            tuple(map(of_json, objects(record, name))) for name in ("commands", "messages")
        )
        return cls(text(record, "responsible"), commands, messages)


@dataclass(frozen=True, slots=True)
class Installation:
    """A status that was set; `status` may be one that nobody knows yet."""

    tuid: str
    status: str
    time_s: int | None
    responsible: str

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(
            needed(record, "tuid"),
            needed(record, "installation_status"),
            whole(record, "timestamp"),
            text(record, "responsible"),
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A deployment group."""

    id: str
    description: str = ""

    @classmethod
    def of(cls, record: Json) -> Self:
        return cls(needed(record, "group_id"), text(record, "group_description"))


@dataclass(frozen=True, slots=True)
class GroupOfThing:
    """Which group a thing is in."""

    group: str
    tuid: str

    @classmethod
    def of(cls, data: object) -> Self:
        record = record_in(data)
        return cls(needed(record, "group_id"), text(record, "tuid"))


@dataclass(frozen=True, slots=True)
class Renamed:
    """What became of a group's renaming."""

    id: str
    old: str
    is_renamed: bool

    @classmethod
    def of(cls, data: object) -> Self:
        record = record_in(data)
        is_renamed = flag(record, "renamed") is True
        return cls(needed(record, "group_id"), text(record, "old"), is_renamed)


@dataclass(frozen=True, slots=True)
class GroupThings:
    """The things of a group."""

    id: str
    tuids: tuple[str, ...]

    @classmethod
    def of(cls, data: object) -> Self:
        record = record_in(data)
        return cls(needed(record, "group_id"), texts(record, "tuids"))
