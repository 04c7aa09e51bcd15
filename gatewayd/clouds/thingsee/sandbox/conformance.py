"""What Thingsee's rules ask of a gateway and its messages, as plain checks.

Source: Haltian developer site, message header, profiles, message commands, best practices. The
gateway's own link is not public; its rules are those of `settings.Config`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.clouds.thingsee.adjusting import SETTINGS
from gatewayd.clouds.thingsee.catalogue import CATALOGUE, Field, Kind, Way, fields_of
from gatewayd.clouds.thingsee.codec import (
    MESSAGES_MAX,
    Event,
    Json,
    Message,
    bytes_of,
    decode,
    maybe_number,
)
from gatewayd.clouds.thingsee.sandbox.records import Thing
from gatewayd.errors import Malformed
from gatewayd.sandbox.violations import Findings
from gatewayd.transports.mqtt_packets import Connect
from gatewayd.transports.mqtt_packets import Message as Packet

REQUESTS = frozenset({19, 21, 22, 23, 25, 26, 27, 30, 32, 35})
"""Events that ask a device for something. 19, assistance data, is what a device asks for."""

ASKED_BY_DEVICES = 19
KEEP_ADDRESSEE = frozenset({3200, 3300})
"""Answers whose vendor samples keep `tsmDstTuid`."""

AHEAD_S_MAX = 3600
"""A gateway's clock may be wrong; a message of the day after tomorrow is a bug."""

RANGES = {
    "airp": (10_000.0, 200_000.0, "Pa"),
    "humd": (0.0, 100.0, "%"),
    "batl": (0.0, 100.0, "%"),
    "temp": (-100.0, 500.0, "degrees Celsius"),
    "carbonDioxide": (0.0, 100_000.0, "ppm"),
    "angle": (0.0, 360.0, "degrees"),
}
"""What a field can be in its own unit; 1013 in `airp` is a gateway that sends hPa."""

_KINDS = {
    Kind.TEXT: str,
    Kind.FLAG: bool,
    Kind.LIST: list,
    Kind.MAP: dict,
}


def check_login(login: Connect, gateway: str, topic: str) -> Findings:
    """Return what is wrong with how a gateway connects; `topic` is the one it reports on."""
    found: Findings = []
    if login.client_id != gateway:
        found.append(("client-id", f"client id {login.client_id!r} is not the gateway's TUID"))
    if not login.clean_session:
        found.append(("clean-session", "the session is not clean"))
    will = login.will
    if will is None or not _is_goodbye(will, gateway, topic):
        found.append(("will", f"the will is not [1000, event 18, {gateway}] on {topic}"))
    return found


def _is_goodbye(will: Packet, gateway: str, topic: str) -> bool:
    try:
        [message] = decode(will.payload)
    except (Malformed, ValueError):
        return False
    is_end = (message.id, message.event) == (1000, Event.DISCONNECTED)
    return is_end and message.thing == gateway and will.topic == topic and will.qos == 1


def check_publish(packet: Packet, count: int, *, is_array: bool) -> Findings:
    """Return what is wrong with how messages are published."""
    found: Findings = []
    if packet.qos != 1:
        found.append(("qos", f"QoS {packet.qos} on {packet.topic[:200]}"))
    if packet.is_retained:
        found.append(("retained", f"retained on {packet.topic[:200]}"))
    if not is_array:
        found.append(("array", "the gateway's link takes arrays only"))
    if not 1 <= count <= MESSAGES_MAX:
        found.append(("count", f"{count} messages at once, 1 to {MESSAGES_MAX} expected"))
    return found


def check_header(message: Message, gateway: str, now_s: int) -> Findings:
    """Return what is wrong with a message's header; `gateway` relays or sends it, "" = unknown."""
    found: Findings = []
    name = f"{message.id} of {message.thing or 'nobody'}"
    if not message.thing:
        found.append(("sender", f"{name} has no tsmTuid"))
    if message.time_s is None and message.event != Event.DISCONNECTED:
        found.append(("time", f"{name} has no tsmTs"))
    if message.time_s is not None and message.time_s > now_s + AHEAD_S_MAX:
        found.append(("time", f"{name} is {message.time_s - now_s:.0f} s ahead"))
    if message.destination and message.id not in KEEP_ADDRESSEE:
        found.append(("addressee", f"{name} has a tsmDstTuid, which commands have"))
    if message.event in REQUESTS and message.event != ASKED_BY_DEVICES:
        found.append(("event", f"{name} has event {message.event}, which asks a device"))
    own = message.thing == gateway
    if gateway and own and message.gateway:
        found.append(("relay", f"{name} is the gateway's own and has tsmGw"))
    if gateway and not own and message.gateway != gateway:
        found.append(("relay", f"{name} has tsmGw {message.gateway or 'missing'}, not {gateway}"))
    return found


def check_fields(message: Message) -> Findings:
    """Return what is wrong with a message's fields; what is missing may not have changed."""
    entry = CATALOGUE.get(message.id)
    name = f"{message.id} of {message.thing}"
    if entry is None:
        return [("unknown-message", f"{name} is in no profile")]
    if entry.way is Way.DOWN:
        return [("direction", f"{name} ({entry.name}) is for devices")]
    found: Findings = []
    known = fields_of(message.id)
    for field, value in message.said().items():
        if field in known and not _is_kind(known[field], value):
            found.append(("field", f"{field} of {name} is {str(value)[:40]!r}"))
        number = maybe_number(value) if field in RANGES else None
        if number is not None:
            low, high, unit = RANGES[field]
            if not low <= number <= high:
                found.append(("unit", f"{field} of {name} is {number:g}, no sane value in {unit}"))
    return found


def note_fields(message: Message) -> Findings:
    """Return what the vendor's own app stumbles over: unknown fields, decimals of whole ones."""
    name = f"{message.id} of {message.thing}"
    known = fields_of(message.id)
    found: Findings = [
        ("unknown-field", f"{name} has {field[:40]}")
        for field in message.said()
        if known and field not in known
    ]
    if isinstance(message.time_s, float) and not message.time_s.is_integer():
        found.append(("decimal", f"tsmTs of {name} is {message.time_s}"))
    return found


def _is_kind(field: Field, value: Json) -> bool:
    if value is None:
        return field.is_optional
    if field.kind is Kind.NUMBER:
        return isinstance(value, int | float)
    if field.kind is Kind.BYTES:
        try:
            bytes_of(value)
        except Malformed:
            return False
        return True
    return isinstance(value, _KINDS[field.kind])


def check_answer(answer: Message, request: Message | None) -> Findings:
    """Return what is wrong with the answer to a command."""
    name = f"{answer.id} of {answer.thing}, event {answer.event}"
    if request is None:
        return [("answer", f"{name} answers nothing that was asked")]
    found: Findings = []
    if answer.event == Event.CONFIG_RESPONSE and answer.id in SETTINGS:
        lacking = [each.name for each in SETTINGS[answer.id] if each.name not in answer.fields]
        if lacking:
            found.append(("answer", f"{name} lacks {', '.join(lacking)}: all settings belong in"))
    is_remote = answer.event == Event.COMMAND_RESPONSE and answer.id == 1402
    if is_remote and answer.fields.get("result") not in (0, -1, -2):
        found.append(("answer", f"{name} has the result {answer.fields.get('result')}"))
    return found


def check_repeat(message: Message, earlier: Message) -> Findings:
    """Return what is wrong with a message whose thing, id and time were there before.

    Customers throw the second one away, so it must say the same.
    """
    if (message.event, message.fields) == (earlier.event, earlier.fields):
        return []
    name = f"{message.id} of {message.thing}"
    return [("same-time", f"{name} at {message.time_s} says something else than before")]


def check_start(messages: Sequence[Message], gateway: str) -> Findings:
    """Return what is wrong with the first messages of a gateway's connection."""
    if any(each.id == 1000 and each.event == Event.CONNECTED for each in messages):
        return []
    return [("start", f"{gateway} does not begin with 1000, event 17")]


def unseen(thing: Thing) -> bool:
    """Return whether a thing that was registered has not been heard of."""
    return thing.heard_ms is None
