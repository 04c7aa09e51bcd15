"""USB relay boards with a CH340 and the four-byte protocol (LCUS-1, -2, -4, -8 and kin).

The board confirms nothing and cannot be read back: its state is assumed from what was written,
and it stays as it was when the cable is pulled. Nor can it prove that it is there; only the
adapter can.

Channels:
    relay          on a board with one relay
    relay1 … relay8  on the others

Example:

    [device.board]
    driver = "serial_relay"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"
    relays = 2
    safe = "off"

Tested: the board's frames; real pyserial over a pty with a board that keeps its relays.

Source: LCUS-1 product description, 9600 8N1: `A0 channel operation sum`, on `A0 01 01 A2`, off
`A0 01 00 A1`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayd.errors import DeviceFault
from gatewayd.model import Access, Channel, Value

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

RELAYS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section."""

    port: str
    relays: int = 1

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


def encode(relay: int, *, is_on: bool) -> bytes:
    """Return the frame that switches one relay, the first being 1."""
    body = bytes([0xA0, relay, is_on])
    return body + bytes([sum(body) & 0xFF])


@dataclass(slots=True)
class Relays:
    """One board."""

    _port: SerialPort
    _names: tuple[str, ...]

    async def write(self, channel: str, value: Value) -> None:
        """Switch a relay; on return the adapter has the frame, which the board never confirms.

        Raises:
            DeviceTimeout: the adapter takes no bytes; the relay's state is unknown.
            DeviceFault: no such relay, or neither on nor off.
            DeviceAbsent: the adapter is gone.
        """
        if channel not in self._names or not isinstance(value, bool):
            raise DeviceFault(f"{self._port.name} has no {channel} that could be {value!r}")
        await self._port.write(encode(self._names.index(channel) + 1, is_on=value))

    async def read_back(self, channel: str) -> None:
        """Return None: this board cannot say."""


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Relays]:
    """Open the adapter.

    Raises:
        DeviceAbsent: it is not there.
    """
    async with ports.serial(config.port, baudrate=9600) as port:
        yield Relays(port, _names(config))
