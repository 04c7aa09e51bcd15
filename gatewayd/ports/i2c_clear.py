"""Clears an I²C bus on which a chip holds SDA low, because a transaction was cut off in the middle.

Strategy: such a chip still wants to send the rest of a byte. Nine clock pulses let it, then a STOP
ends the transaction. An adapter cannot give them; the pins can, as GPIO lines. On a Raspberry Pi
the pins are the adapter's again only when its driver is bound anew, so that comes after.

Source: NXP UM10204 (I²C-bus specification) rev. 7, 3.1.16 (bus clear).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gatewayd.errors import DeviceAbsent, DeviceFault

if TYPE_CHECKING:
    from gpiod import LineRequest

PULSES_MAX = 9
"""Eight bits and the acknowledgement."""

HALF_S = 10e-6
"""Half a clock at 50 kHz, which every chip takes; Python's own time comes on top."""

REBIND_S = 0.1
"""Between taking the driver from the adapter and giving it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """`clear` of a `[port.NAME]` with `type = "i2c"`: the bus's pins as GPIO lines."""

    chip: str
    scl: int
    sda: int


class BusLines(Protocol):
    """The two lines, open drain: True lets a line go, False pulls it low."""

    def is_sda_high(self) -> bool:
        """Return the level of SDA."""
        ...

    def set_scl(self, level: bool) -> None:
        """Let SCL go or pull it low."""
        ...

    def set_sda(self, level: bool) -> None:
        """Let SDA go or pull it low."""
        ...


def clear_bus(lines: BusLines) -> int:
    """Free SDA and end the transaction; return how many pulses that took, 0 for a free bus.

    Raises:
        DeviceFault: nine pulses did not help: a chip is dead, or the line is short-circuited.
    """
    if lines.is_sda_high():
        return 0
    for pulse in range(1, PULSES_MAX + 1):
        lines.set_scl(False)
        time.sleep(HALF_S)
        lines.set_scl(True)
        time.sleep(HALF_S)
        if lines.is_sda_high():
            _stop(lines)
            return pulse
    raise DeviceFault("SDA stays low after nine clock pulses: a chip or the wiring is broken")


def _stop(lines: BusLines) -> None:
    """SDA rises while SCL is high: a STOP."""
    for set_line, level in (
        (lines.set_scl, False),
        (lines.set_sda, False),
        (lines.set_scl, True),
        (lines.set_sda, True),
    ):
        set_line(level)
        time.sleep(HALF_S)


@contextmanager
def opened_lines(chip: Path, clear: Clear) -> Iterator[BusLines]:
    """Own the two lines for the time of the block.

    Raises:
        DeviceAbsent: they cannot be had.
    """
    import gpiod
    from gpiod.line import Direction, Drive, Value

    settings = gpiod.LineSettings(
        direction=Direction.OUTPUT, drive=Drive.OPEN_DRAIN, output_value=Value.ACTIVE
    )
    try:
        request = gpiod.request_lines(
            str(chip), consumer="gatewayd", config={(clear.scl, clear.sda): settings}
        )
    except (OSError, ValueError, NotImplementedError) as error:
        raise DeviceAbsent(f"lines {clear.scl} and {clear.sda} of {chip}: {error}") from error
    with request:
        yield _Lines(request, clear)


@dataclass(frozen=True, slots=True)
class _Lines:
    request: LineRequest
    clear: Clear

    def is_sda_high(self) -> bool:
        from gpiod.line import Value

        return self.request.get_value(self.clear.sda) is Value.ACTIVE

    def set_scl(self, level: bool) -> None:
        self._set(self.clear.scl, level)

    def set_sda(self, level: bool) -> None:
        self._set(self.clear.sda, level)

    def _set(self, line: int, level: bool) -> None:
        from gpiod.line import Value

        self.request.set_value(line, Value.ACTIVE if level else Value.INACTIVE)


def rebind(adapter: Path) -> str:
    """Take the adapter's driver away and give it back; return its name, empty where that is not
    ours to do: it is no platform device, or sysfs may not be written.

    Args:
        adapter: its folder in sysfs, `/sys/bus/i2c/devices/i2c-1`.
    """
    device = adapter.resolve().parent
    driver = (device / "driver").resolve()
    if (device / "subsystem").resolve().name != "platform" or not (driver / "unbind").exists():
        return ""
    try:
        (driver / "unbind").write_text(device.name)
        time.sleep(REBIND_S)
        (driver / "bind").write_text(device.name)
    except OSError:
        return ""
    return device.name
