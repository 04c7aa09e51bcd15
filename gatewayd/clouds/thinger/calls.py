"""When a reading makes the gateway call somebody: an endpoint, a device, a property; pure.

Strategy: calls follow the readings through the outbox, so that an outage delays them and loses
none; but nobody wants yesterday's alarm mail, so an old reading calls nobody. Calling in a tight
loop makes the server lock the connection, so each target has an allowance.

Source: Thinger.io documentation, coding guide (call endpoint, call device, set property).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gatewayd.board import Board
from gatewayd.clouds.thinger.events import Operation, Path
from gatewayd.clouds.thinger.names import DEVICE_ID, Name, Names, check_name, read_path
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds
from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.setpoint import is_on

FRESH_MS = 600_000
"""Ten minutes: an older change calls no endpoint and sets no property."""

SETPOINT_FRESH_MS = 60_000
"""A setpoint for another device is perishable, like any command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEntry:
    """What the owner wants called when one channel changes.

    Attributes:
        endpoint: called with channel, value, quality, ts and gateway, for the template.
        device, resource: another device of the same user, and the input that gets the value.
        property: of this device, set to the same as an endpoint's data.
        when: `change`; `on` and `off`, when the value becomes so; `fault`, when it is gone.
        interval, burst: at most `burst` calls at once, and one more every `interval`.
    """

    endpoint: str = ""
    device: str = ""
    resource: str = ""
    property: str = ""
    when: Literal["change", "on", "off", "fault"] = "change"
    interval: Seconds = 60.0
    burst: int = 3


class Due(NamedTuple):
    """One call to make."""

    operation: Operation
    name: str
    payload: Pson
    path: Path
    channel: ChannelId


def check_calls(calls: Mapping[str, CallEntry], names: Names) -> None:
    """Raise ConfigError for a call of no channel, or to nobody, or to two."""
    for channel, entry in calls.items():
        if ChannelId(channel) not in names:
            raise ConfigError(f"calls: no channel of this uplink is called {channel!r}")
        targets = [each for each in (entry.endpoint, entry.device, entry.property) if each]
        if len(targets) != 1:
            raise ConfigError(f"calls: {channel} needs an endpoint, a device or a property")
        if bool(entry.device) != bool(entry.resource):
            raise ConfigError(f"calls: {channel}: device and resource go together")
        if entry.device:
            if not DEVICE_ID.fullmatch(entry.device):
                raise ConfigError(f"calls: {channel}: {entry.device!r} is no device id")
            read_path(entry.resource, f"calls: {channel}")
        else:
            check_name(targets[0], f"calls: {channel}")
        if entry.interval <= 0 or entry.burst < 1:
            raise ConfigError(f"calls: {channel}: interval and burst must be more than nothing")


def calls_for(
    batch: Batch, calls: Mapping[str, CallEntry], names: Names, board: Board, now_ms: int
) -> Iterator[Due]:
    """Yield the calls that a batch's readings ask for, in their order."""
    before: dict[ChannelId, Reading | None] = {}
    for reading in batch.readings if calls else ():
        entry = calls.get(reading.channel)
        if entry is None:
            continue
        if reading.channel not in before:
            before[reading.channel] = _reading_before(board, reading)
        earlier, before[reading.channel] = before[reading.channel], reading
        limit_ms = SETPOINT_FRESH_MS if entry.device else FRESH_MS
        if now_ms - reading.time_ms <= limit_ms and is_due(entry, earlier, reading):
            yield _due(entry, names[reading.channel], reading)


def is_due(entry: CallEntry, earlier: Reading | None, reading: Reading) -> bool:
    """Return whether a reading is the change that the owner wants to be told of.

    The first reading that anybody knows of is no change, whatever it says.
    """
    if earlier is None:
        return False
    value, old = reading.value, earlier.value
    match entry.when:
        case "fault":
            return value is None and old is not None
        case "on":
            return value is not None and is_on(value) and not (old is not None and is_on(old))
        case "off":
            return value is not None and not is_on(value) and (old is None or is_on(old))
    return value is not None and value != old


def _reading_before(board: Board, reading: Reading) -> Reading | None:
    panel = board.panel(reading.channel)
    for earlier in reversed(panel.history) if panel else ():
        if earlier.time_ms < reading.time_ms:
            return earlier
    return None


def _due(entry: CallEntry, name: Name, reading: Reading) -> Due:
    value = None if reading.value is None else name.show(reading.value)
    told: Pson = {
        "channel": reading.channel,
        "value": value,
        "quality": reading.quality.name,
        "ts": reading.time_ms,
    }
    if entry.endpoint:
        return Due(Operation.CALL_ENDPOINT, entry.endpoint, told, (), reading.channel)
    if entry.property:
        return Due(Operation.SET_PROPERTY, entry.property, told, (), reading.channel)
    path = tuple(entry.resource.split("/"))
    return Due(Operation.CALL_DEVICE, entry.device, value, path, reading.channel)


@dataclass(slots=True)
class Allowance:
    """How many calls one target may still get: `burst`, refilled by one every `interval_s`."""

    interval_s: float
    burst: int
    left: float
    at_s: float

    def take(self, now_s: float) -> bool:
        """Return whether a call may be made now, and count it."""
        refilled = (now_s - self.at_s) / self.interval_s
        self.left, self.at_s = min(float(self.burst), self.left + refilled), now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True
