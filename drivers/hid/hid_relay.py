"""USB relay boards that are HID devices: those with V-USB (USBRelay1 to 8), and HIDRelay.

Channels:
    relay            on a board with one relay
    relay1 … relay8  on the others

A board with V-USB says what its relays are; HIDRelay says nothing, and its state is assumed from
what was written. Either stays as it was when this program ends, and is off after a power cut.

Example:

    [device.board]
    driver = "hid_relay"
    port = "hid:16c0:05df"        # one of two: "hid:usb-0000:01:00.0-1.2", its place
    relays = 2
    safe = "off"

Identity: what the board calls itself on USB, with the number of its relays; the numbers 16C0:05DF
are shared by all sorts of devices.

Tested: reports from known use; the port over a kernel that remembers, behind ioctl.

Source: V-USB, USB-IDs-for-free.txt (16C0:05DF); the boards' reports as published tools use them:
feature report `00 FF relay` on, `00 FD relay` off, states in the last of 8 bytes; HIDRelay
(0519:2018): output report `00 F1` on, `00 01` off for the first relay.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.model import Access, Channel, Value

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.hid import Found, HidPort

Model = Literal["usbrelay", "hidrelay"]

RELAYS_MAX = 8

TITLES: dict[Model, str] = {"usbrelay": r"USBRelay(\d)", "hidrelay": r"HIDRelay()"}
"""What each model calls itself; the first tells how many relays it has."""

IDS: dict[str, Model] = {"16c0:05df": "usbrelay", "0519:2018": "hidrelay"}

STATE_REPORT = 1
REPORT_BYTES = 9
STATE_BYTES = 8
"""Five letters of a serial number, a zero, a spare byte, the states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        model: "usbrelay" is 16c0:05df, "hidrelay" is 0519:2018.
    """

    port: str
    relays: int = 1
    model: Model = "usbrelay"

    def __post_init__(self) -> None:
        """Refuse boards that do not exist."""
        if not 1 <= self.relays <= RELAYS_MAX:
            raise ValueError(f"relays is 1 to {RELAYS_MAX}")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one output for each relay."""
    return tuple(Channel(name, "switch", access=Access.WRITE) for name in _names(config))


def _names(config: Config) -> tuple[str, ...]:
    if config.relays == 1:
        return ("relay",)
    return tuple(f"relay{number}" for number in range(1, config.relays + 1))


def encode(model: Model, relay: int, *, is_on: bool) -> bytes:
    """Return the report that switches one relay, the first being 1; its number, 0, comes first."""
    if model == "usbrelay":
        return bytes([0, 0xFF if is_on else 0xFD, relay, *bytes(REPORT_BYTES - 3)])
    return bytes([0, (0xF0 if is_on else 0) | relay])


def decode(report: bytes) -> int:
    """Return the states of a USBRelay, the lowest bit being the first relay.

    Raises:
        Malformed: a report of another device.
    """
    serial = report[:5]
    if len(report) < STATE_BYTES or not serial.isascii() or not serial.decode().isprintable():
        raise Malformed(f"no report of a USBRelay: {report.hex(' ')}")
    return report[STATE_BYTES - 1]


def relays_of(model: Model, title: str) -> int:
    """Return how many relays a board says it has; `RELAYS_MAX` where it does not say.

    Raises:
        Malformed: it is another device.
    """
    match = re.search(TITLES[model], title)
    if match is None:
        raise Malformed(f"a device that calls itself {title[:60]!r}")
    return int(match[1]) if match[1] else RELAYS_MAX


def recognise(found: Found) -> Evidence | None:
    """Know a board by its numbers and by what it calls itself."""
    model = IDS.get(found.id)
    if model is None:
        return None
    try:
        relays = relays_of(model, found.title)
    except Malformed:
        return None
    known = {"relays": relays} if model == "usbrelay" else {}
    keys: dict[str, object] = {"port": f"hid:{found.id}", "model": model, **known}
    return Evidence(f"{found.id} calls itself {found.title}", is_proof=True, keys=keys)


@dataclass(slots=True)
class Relays:
    """One board."""

    _port: HidPort
    _model: Model
    _names: tuple[str, ...]

    async def write(self, channel: str, value: Value) -> None:
        """Switch a relay; on return the board has taken the report.

        Raises:
            DeviceTimeout: nobody can say whether it did.
            DeviceFault: the board refuses, there is no such relay, or neither on nor off.
            DeviceAbsent: the board is gone.
        """
        if not isinstance(value, bool):
            raise DeviceFault(f"{channel} cannot be {value!r}; a relay is on or off")
        report = encode(self._model, self._place(channel) + 1, is_on=value)
        if self._model == "usbrelay":
            await self._port.set_feature(report)
        else:
            await self._port.write(report)

    async def read_back(self, channel: str) -> bool | None:
        """Return what the board says of a relay; None where it cannot say. Raises as `write`."""
        place = self._place(channel)
        if self._model == "hidrelay":
            return None
        report = await self._port.get_feature(STATE_REPORT, REPORT_BYTES)
        try:
            return bool(decode(report) >> place & 1)
        except Malformed as error:
            raise DeviceFault(f"{self._port.name} is {error}") from error

    def _place(self, channel: str) -> int:
        if channel not in self._names:
            raise DeviceFault(f"{self._port.name} has no {channel}")
        return self._names.index(channel)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Relays]:
    """Open the board and prove that it is one, with so many relays.

    Raises:
        DeviceTimeout: it does not answer.
        DeviceFault: another device, or a board with fewer relays.
        DeviceAbsent: it is not there.
    """
    async with ports.hid(config.port) as port:
        try:
            relays = relays_of(config.model, await port.title())
        except Malformed as error:
            raise DeviceFault(f"{config.port} is {error}, no {config.model}") from error
        if relays < config.relays:
            raise DeviceFault(f"{config.port} has {relays} relays, not {config.relays}")
        board = Relays(port, config.model, _names(config))
        await board.read_back(board._names[0])
        yield board
