"""thethings.iO on the wire: writes, pushes, rows, times, positions, answers; bytes ⇄ model, pure.

Strategy: one function a direction and message form, for both ends of the wire, so that the
gateway's link and the sandbox cloud cannot drift apart (the subscription's framing: see stream;
paths and topics: see addresses). Whatever breaks the protocol is `Malformed`.

Instants are UTC milliseconds. A write is `{"values":[{"key":…,"value":…,"datetime":…,"geo":…}]}`;
what is pushed for it is the bare array; rows of a read have the same fields, the newest first.

Source: thethings.iO developer center, API reference (thing write, thing read, magic resources)
and App Development guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from gatewayd.errors import Malformed

KEY = re.compile(r"\$?[A-Za-z0-9._-]+")
"""What a resource may be called. The documentation's third symbol is the underscore, which its
formatting swallowed; the vendor's samples use it."""

KEY_LENGTH_MAX = 128
"""The vendor names no limit."""

WRITE_VALUES_MAX = 1000
"""Values a write. The vendor names no limit; a public client warns from here on."""

WRITE_BYTES_MAX = 64 * 1024
"""Our own writes. The vendor names no limit; a front end's usual one is 1 MiB, and a smaller write
is sooner done on a thin line."""

GEO = "$geo"
SETTINGS = "$settings"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d):?(\d\d):?(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:?00)?", re.ASCII
)


class Geo(NamedTuple):
    """A position in degrees, WGS 84. On the wire the second name is `long`."""

    lat: float
    long: float


class Entry(NamedTuple):
    """One value of one resource: written, pushed, or read back.

    `value` is any JSON; `time_ms` is None where nobody said when.
    """

    key: str
    value: Any
    time_ms: int | None = None
    geo: Geo | None = None


def is_key(key: str) -> bool:
    """Return whether a resource may be called so, magic ones included."""
    return len(key) <= KEY_LENGTH_MAX and KEY.fullmatch(key) is not None


# Times.


def encode_time(time_ms: int) -> str:
    """Return `2017-01-16T10:25:10.644Z`.

    The reference's own form, `YYYYMMDDHHmmss`, has whole seconds only: two values of one second
    would have one time. The vendor's Python client sends this one.
    """
    instant = _EPOCH + timedelta(milliseconds=time_ms)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decode_time(text: str) -> int:
    """Return the instant in any of the forms seen: `YYYYMMDDHHmmss`, with a T, or ISO 8601 in UTC.

    Raises:
        Malformed: it is none.
    """
    match = _TIME.fullmatch(text[:40])
    if match is None:
        raise Malformed(f"no time: {text[:40]!r}")
    *parts, fraction = match.groups()
    try:
        instant = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type,misc]  # Six numbers.
    except ValueError:
        raise Malformed(f"no time: {text[:40]!r}") from None
    return (instant - _EPOCH) // timedelta(milliseconds=1) + int(
        (fraction or "0")[:3].ljust(3, "0")
    )


# Entries.


def encode_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON knows it; what was not said is left out."""
    key, value, time_ms, geo = entry
    made: dict[str, Any] = {"key": key, "value": value}
    if time_ms is not None:
        made["datetime"] = encode_time(time_ms)
    if geo is not None:
        made["geo"] = geo._asdict()
    return made


def encode_write(entries: Iterable[Entry]) -> bytes:
    """Return the body of a write, and the payload of an MQTT publish; values finite."""
    return orjson.dumps({"values": [encode_entry(entry) for entry in entries]})


def encode_push(entries: Iterable[Entry]) -> bytes:
    """Return what subscribers get for a write, and what a read answers."""
    return orjson.dumps([encode_entry(entry) for entry in entries])


def decode_write(payload: bytes) -> list[Entry]:
    """Return the entries of a write, as the cloud takes it: all of them or none.

    Raises:
        Malformed: not JSON, no `values`, too many or none, or an entry that breaks the rules.
    """
    content = parse_json(payload)
    values = content.get("values") if isinstance(content, Mapping) else None
    if not isinstance(values, list) or not values:
        raise Malformed("no values")
    if len(values) > WRITE_VALUES_MAX:
        raise Malformed(f"{len(values)} values, at most {WRITE_VALUES_MAX} expected")
    return [_strict_entry(value) for value in values]


def _strict_entry(item: object) -> Entry:
    if not isinstance(item, Mapping) or not isinstance(item.get("key"), str):
        raise Malformed("an entry without a key")
    key, geo, said = item["key"], None, item.get("datetime")
    if not is_key(key):
        raise Malformed(f"no resource name: {key[:KEY_LENGTH_MAX]!r}")
    if item.get("geo") is not None:
        geo = decode_geo(item["geo"])
    if "value" not in item and geo is None:
        raise Malformed(f"{key} has no value")
    if said is not None and not isinstance(said, str):
        raise Malformed(f"the datetime of {key} is no text")
    return Entry(key, item.get("value"), None if said is None else decode_time(said), geo)


def decode_push(content: object) -> list[Entry]:
    """Return the entries of a push or a read, as a client takes them: those that it understands.

    Args:
        content: parsed JSON, the bare array or a write's object (an MQTT broker that does not
            rewrite hands that on).

    Raises:
        Malformed: neither.
    """
    values = content.get("values") if isinstance(content, Mapping) else content
    if not isinstance(values, list):
        raise Malformed("neither an array of values nor an object with one")
    return [_kind_entry(item) for item in values if _has_key_and_value(item)]


def _has_key_and_value(item: object) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("key"), str) and "value" in item


def _kind_entry(item: Mapping[str, Any]) -> Entry:
    """As `_strict_entry`; a time or a position that cannot be read counts as not said."""
    said = item.get("datetime")
    try:
        time_ms = decode_time(said) if isinstance(said, str) else None
    except Malformed:
        time_ms = None
    try:
        geo = decode_geo(item["geo"]) if "geo" in item else None
    except Malformed:
        geo = None
    return Entry(item["key"], item["value"], time_ms, geo)


def decode_rows(payload: bytes) -> list[Entry]:
    """Return the rows that a read answers, the newest first.

    Raises:
        Malformed: not JSON, or no array.
    """
    return decode_push(parse_json(payload))


# Positions.


def decode_geo(content: object) -> Geo:
    """Return the position in `{"lat":…,"long":…}`; numbers may be texts.

    Raises:
        Malformed: it holds none.
    """
    if not isinstance(content, Mapping):
        raise Malformed("geo is no object")
    return _position(content.get("lat"), content.get("long"))


def encode_point(geo: Geo) -> dict[str, Any]:
    """Return a position as GeoJSON, the form in which `$geo` is stored: longitude first."""
    return {"type": "Point", "coordinates": [geo.long, geo.lat]}


def decode_point(entry: Entry) -> Geo:
    """Return the position that a write of `$geo` means: GeoJSON, `[long,lat]`, or null with `geo`.

    Raises:
        Malformed: none of the three.
    """
    value = entry.value
    if isinstance(value, Mapping) and value.get("type") == "Point":
        value = value.get("coordinates")
    if value is None and entry.geo is not None:
        return entry.geo
    if isinstance(value, list) and len(value) in (2, 3):
        return _position(value[1], value[0])
    raise Malformed("$geo is neither GeoJSON nor [longitude, latitude]")


def _position(lat: object, long: object) -> Geo:
    numbers = []
    for part, limit in ((lat, 90.0), (long, 180.0)):
        try:
            if isinstance(part, bool) or not isinstance(part, int | float | str):
                raise ValueError
            number = float(part)
            if not -limit <= number <= limit:
                raise ValueError
        except (ValueError, OverflowError):
            raise Malformed(f"no position: {str(part)[:40]!r}") from None
        numbers.append(number)
    return Geo(*numbers)


def parse_json(payload: bytes) -> Any:
    """Return what a JSON text says; infinite numbers and deep nesting are refused too.

    Raises:
        Malformed: it is none.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg} at byte {error.pos}") from None
