"""`python -m tests.peers.stood_in FOLDER VERB …`: gatewayd over hardware that outlives it.

The kernel under /dev/i2c-1 and /dev/hidrawN is ours, as in `gatewayd.testing`; the chips and
boards lie in FOLDER, a file each, and stay as they are when the process is killed: the next one
finds them so, and a test sees in them what the contacts do. As on a real machine several
processes may have them open at once.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from gatewayd.testing.hid import FakeHidKernel, HidModel, HidRelay, UsbRelay
from gatewayd.testing.i2c import ChipModel, FakeI2cKernel

PCF8574, MCP23017 = 0x20, 0x21
"""Addresses on bus 1."""

USB_RELAY, HID_RELAY = "/dev/hidraw0", "/dev/hidraw1"

RELAYS = 2
"""Of the USBRelay; the HIDRelay has one."""

IODIR, GPIO, OLAT = 0x00, 0x12, 0x14


class Kept:
    """A number in a file, which is replaced whole."""

    def __init__(self, file: Path, initial: int) -> None:
        self._file, self._initial = file, initial

    def load(self) -> int:
        return int(self._file.read_text()) if self._file.exists() else self._initial

    def store(self, number: int) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(number))
        fresh.replace(self._file)


class Pcf8574:
    """Eight pins without registers; after power-up all are high, weakly."""

    def __init__(self, folder: Path) -> None:
        self.pins = Kept(folder / "pcf8574", 0xFF)

    def write(self, data: bytes) -> None:
        """Take the levels; the last byte stays."""
        self.pins.store(data[-1])

    def read(self, count: int) -> bytes:
        """Return the levels, again and again."""
        return bytes([self.pins.load()]) * count


class Mcp23017:
    """Sixteen pins: directions (1 is an input) and a latch behind them; inputs are high."""

    def __init__(self, folder: Path) -> None:
        self.directions = Kept(folder / "mcp23017-iodir", 0xFFFF)
        self.latch = Kept(folder / "mcp23017-olat", 0)
        self._pointer = 0

    def driven(self) -> int:
        """Return the pins that are outputs and high."""
        return self.latch.load() & ~self.directions.load() & 0xFFFF

    def write(self, data: bytes) -> None:
        """Set the pointer, and a register of two bytes."""
        self._pointer = data[0]
        if len(data) == 3:
            kept = {IODIR: self.directions, OLAT: self.latch}[data[0]]
            kept.store(int.from_bytes(data[1:], "little"))

    def read(self, count: int) -> bytes:
        """Return a register of two bytes."""
        directions, latch = self.directions.load(), self.latch.load()
        pins = latch & ~directions | directions
        found = {IODIR: directions, OLAT: latch, GPIO: pins}[self._pointer]
        return found.to_bytes(count, "little")


class KeptUsbRelay(UsbRelay):
    """A V-USB board whose relays are in a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(RELAYS)
        self._kept = Kept(folder / "usbrelay", 0)

    def get_feature(self, report: int) -> bytes:
        """Return the states as they are now, whoever set them."""
        self.relays = bits(self._kept.load(), RELAYS)
        return super().get_feature(report)

    def set_feature(self, data: bytes) -> None:
        """Switch, and keep it."""
        self.relays = bits(self._kept.load(), RELAYS)
        super().set_feature(data)
        self._kept.store(sum(is_on << place for place, is_on in enumerate(self.relays)))


class KeptHidRelay(HidRelay):
    """A board that says nothing, whose relay is in a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._kept = Kept(folder / "hidrelay", 0)

    def write(self, data: bytes) -> None:
        """Switch, and keep it."""
        super().write(data)
        self._kept.store(int(self.relays[0]))


def bits(number: int, count: int) -> list[bool]:
    """Return the lowest bits of a number, the lowest first."""
    return [bool(number >> place & 1) for place in range(count)]


def contacts(folder: Path) -> dict[str, list[bool]]:
    """Return what the pins and relays in a folder do: pins high, relays on."""
    return {
        "pcf8574": bits(Kept(folder / "pcf8574", 0xFF).load(), 8),
        "mcp23017": bits(Mcp23017(folder).driven(), 16),
        "usbrelay": bits(Kept(folder / "usbrelay", 0).load(), RELAYS),
        "hidrelay": bits(Kept(folder / "hidrelay", 0).load(), 1),
    }


def lay_pwm(root: Path, block: str) -> Path:
    """Make a tree as /sys shows a PWM block with one output, exported by whoever ran before;
    return the output's folder."""
    chip = root / "devices/platform/soc" / block / "pwm/pwmchip0"
    output = chip / "pwm0"
    output.mkdir(parents=True)
    (chip / "npwm").write_text("1\n")
    (chip / "export").touch()
    fresh = {"period": "0", "duty_cycle": "0", "enable": "0", "polarity": "normal"}
    for name, text in fresh.items():
        (output / name).write_text(f"{text}\n")
    (root / "class/pwm").mkdir(parents=True)
    (root / "class/pwm/pwmchip0").symlink_to(chip)
    return output


def level_of(output: Path) -> float:
    """Return the share of a period (%) in which a PWM output is active."""
    texts = [(output / name).read_text() for name in ("enable", "period", "duty_cycle")]
    if not all(texts):
        return math.nan  # One is being written.
    enable, period, duty = map(int, texts)
    return 100 * duty / period if enable else 0.0


def main(folder: Path, arguments: list[str]) -> Any:
    """Run gatewayd with these boards plugged in."""
    from gatewayd.cli import main as run

    chips: dict[int, ChipModel] = {PCF8574: Pcf8574(folder), MCP23017: Mcp23017(folder)}
    boards: dict[str, HidModel] = {
        USB_RELAY: KeptUsbRelay(folder),
        HID_RELAY: KeptHidRelay(folder),
    }
    with FakeI2cKernel({1: chips}).installed(), FakeHidKernel(boards).installed():
        return run(arguments)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
