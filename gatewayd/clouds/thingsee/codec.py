"""Thingsee on the wire: `tsm` messages as JSON, alone and in arrays; bytes ⇄ model, pure.

Strategy: a message is a header that is the same for all and a bag of fields that the catalogue
describes. What a message does not say stays unsaid: nothing is filled in on the way, because an
event may carry only the field that changed. Fields that nobody knows are kept.

Whatever breaks the protocol is `Malformed`. An array is split first, so that one bad message does
not take its neighbours with it.

Source: Haltian developer site, message header and profiles; Thingsee Open Services API.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import orjson

from gatewayd.errors import Malformed

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What a field may hold."""

MESSAGES_MAX = 100
"""Messages a publish; ours are never longer, and a longer command list makes no sense."""

ARRAY_MAX = 1000
"""Messages a push of the customer stream. The vendor names no limit; a longer one is refused."""

FIELDS_MAX = NAME_LENGTH_MAX = 64
"""The longest message of the catalogue has 13 fields, the longest name 31 letters."""

ID_MAX = 999_999
EVENT_MAX = 999
TIME_S_MAX = 253_402_300_799
"""The end of the year 9999; a larger instant was meant as milliseconds."""

TRANSACTION_MAX = 2_147_483_647
TUID = re.compile(r"[A-Z0-9]{1,32}")
"""Real ones have 17 letters and digits; the vendor's own samples have shorter ones."""


class Event:
    """Why a message was sent: the values of `tsmEv` that a gateway deals in."""

    NONE = 0
    STATE = 7
    KEY = 8
    THRESHOLD = 9
    TIMED = 10
    POWER_ON = 11
    FIRMWARE_UPDATED = 15
    CONNECTED = 17
    DISCONNECTED = 18
    RESET_REQUEST = 23
    FIRMWARE_REQUEST = 25
    DIAGNOSTICS_REQUEST = 27
    DIAGNOSTICS_RESPONSE = 28
    ERROR = 29
    CONFIG_REQUEST = 30
    CONFIG_RESPONSE = 31
    INFO_REQUEST = 32
    INFO_RESPONSE = 33
    TIMED_DIAGNOSTICS = 34
    COMMAND_REQUEST = 35
    COMMAND_RESPONSE = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One Thingsee message.

    Attributes:
        id: `tsmId`, profile × 1000 + data id.
        event: `tsmEv`, why it was sent.
        fields: everything that is not header, by its name on the wire.
        time_s: unix seconds, whole or with decimals; None only where the header allows it.
        thing: TUID of the sender; empty in a command.
        destination: TUID of the addressee; only in a command.
        gateway: TUID of the gateway that relayed it, empty for its own.
        gateway_time_s, cloud_time_s, group, application: what the cloud may add.
    """

    id: int
    event: int
    fields: Mapping[str, Json] = field(default_factory=dict)
    time_s: float | None = None
    thing: str = ""
    destination: str = ""
    gateway: str = ""
    gateway_time_s: float | None = None
    cloud_time_s: float | None = None
    group: str = ""
    application: str = ""

    @property
    def transaction(self) -> int | None:
        """The sender's number of a command, which its answer repeats; None if it has none."""
        value = self.fields.get("transactionId")
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value if 0 <= value <= TRANSACTION_MAX else None

    def said(self) -> dict[str, Json]:
        """Return the fields without the transaction's number."""
        return {name: each for name, each in self.fields.items() if name != "transactionId"}


def answer_to(
    request: Message, thing: str, time_s: float, fields: Mapping[str, Json], *, id: int = 0
) -> Message:
    """Return the answer to a request: event + 1, the same id and transaction, no addressee.

    Args:
        id: of the message that is the answer, where it is another one than the request's.
    """
    transaction = request.fields.get("transactionId")
    known = {} if request.transaction is None else {"transactionId": transaction}
    return Message(
        id=id or request.id,
        event=request.event + 1,
        time_s=time_s,
        thing=thing,
        fields={**known, **fields},
    )


# JSON.

_TEXTS = {
    "tsmTuid": "thing",
    "tsmDstTuid": "destination",
    "tsmGw": "gateway",
    "deploymentGroupId": "group",
    "tsmAp": "application",
}
_TIMES = {"tsmTs": "time_s", "tsmGwTs": "gateway_time_s", "tsmCloudTs": "cloud_time_s"}
_TUIDS = frozenset({"tsmTuid", "tsmDstTuid", "tsmGw"})


def to_json(message: Message) -> dict[str, Json]:
    """Return a message as the object that it is on the wire, its header first."""
    record: dict[str, Json] = {"tsmId": message.id, "tsmEv": message.event}
    for name, attribute in (*_TIMES.items(), *_TEXTS.items()):
        value = getattr(message, attribute)
        if value not in (None, ""):
            record[name] = value
    return {**record, **message.fields}


def of_json(record: object) -> Message:
    """Return the message in one decoded JSON object.

    Raises:
        Malformed: not an object, or a header that nobody can have meant.
    """
    if not isinstance(record, dict):
        raise Malformed("a message is not an object")
    if len(record) > FIELDS_MAX or max(map(len, record), default=0) > NAME_LENGTH_MAX:
        raise Malformed(f"a message has more than {FIELDS_MAX} fields or a name is too long")
    header: dict[str, str | float] = {}
    for name, attribute in _TEXTS.items():
        if record.get(name) is not None:
            header[attribute] = _text(record, name)
    for name, attribute in _TIMES.items():
        if record.get(name) is not None:
            header[attribute] = _time_s(record, name)
    known = {"tsmId", "tsmEv", *_TEXTS, *_TIMES}
    return Message(
        id=_whole(record, "tsmId", ID_MAX),
        event=_whole(record, "tsmEv", EVENT_MAX),
        fields={name: value for name, value in record.items() if name not in known},
        **header,  # type: ignore[arg-type]  # Each attribute has been checked by its own kind.
    )


def encode(messages: Iterable[Message]) -> bytes:
    """Return an array of messages."""
    return orjson.dumps([to_json(message) for message in messages])


def encode_single(message: Message) -> bytes:
    """Return one message as an object, as the customer's MQTT stream has it."""
    return orjson.dumps(to_json(message))


def split(payload: bytes, count_max: int = ARRAY_MAX) -> list[object]:
    """Return the objects of an array, or the one object that stands alone, not yet looked at.

    Raises:
        Malformed: not JSON, neither array nor object, or too many.
    """
    try:
        content = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg} at byte {error.pos}") from None
    if isinstance(content, dict):
        return [content]
    if not isinstance(content, list):
        raise Malformed("neither a message nor an array of messages")
    if len(content) > count_max:
        raise Malformed(f"{len(content)} messages at once, at most {count_max} expected")
    return content


def decode(payload: bytes, count_max: int = ARRAY_MAX) -> list[Message]:
    """Return the messages of an array, or of a single object.

    Raises:
        Malformed: any of them is no message.
    """
    return [of_json(record) for record in split(payload, count_max)]


class Sorted(NamedTuple):
    """An array taken apart: what was a message, and a sentence for each that was none."""

    messages: list[Message]
    faults: list[str]


def sort_out(payload: bytes, count_max: int = ARRAY_MAX) -> Sorted:
    """Return the good messages of an array, and what is wrong with the others.

    Raises:
        Malformed: nothing in it can be told apart.
    """
    found = Sorted([], [])
    for record in split(payload, count_max):
        try:
            found.messages.append(of_json(record))
        except Malformed as error:
            found.faults.append(str(error))
    return found


def _whole(record: Mapping[str, object], name: str, highest: int) -> int:
    value = record.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise Malformed(f"{name} is {_shown(value)}, expected a whole number to {highest}")
    return value


def _time_s(record: Mapping[str, object], name: str) -> float:
    value = record[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= cast(float, value) <= TIME_S_MAX:
        raise Malformed(f"{name} is {_shown(value)}, expected unix seconds")
    return cast(float, value)


def _text(record: Mapping[str, object], name: str) -> str:
    value = record[name]
    if not isinstance(value, str) or len(value) > 128:
        raise Malformed(f"{name} is {_shown(value)}, expected a short text")
    if name in _TUIDS and not TUID.fullmatch(value):
        raise Malformed(f"{name} is {_shown(value)}, expected capital letters and digits")
    return value


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:60]


# Fields.


def buffer_of(content: bytes) -> Json:
    """Return bytes in the form that JSON gives them: Node's Buffer."""
    return {"type": "Buffer", "data": list(content)}


def bytes_of(value: Json) -> bytes:
    """Return the bytes in a Buffer.

    Raises:
        Malformed: it is none.
    """
    data = value.get("data") if isinstance(value, Mapping) else None
    is_buffer = isinstance(value, Mapping) and value.get("type") == "Buffer"
    if not is_buffer or not isinstance(data, list):
        raise Malformed("not a buffer")
    if not all(type(byte) is int and 0 <= byte <= 255 for byte in data):
        raise Malformed("a buffer holds something else than bytes")
    return bytes(data)


def maybe_number(value: Json) -> float | None:
    """Return a field as a finite number, or None if it is none; true and false are 1 and 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    return None
