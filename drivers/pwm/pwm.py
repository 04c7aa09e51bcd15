"""A dimmer, fan, valve or proportional drive on a PWM output of the kernel's.

Channels:
    level (%), written; 0 to 100, the share of each period in which the output is active; reads
    back what the kernel says

Opening touches nothing. The first write sets polarity and frequency with the output at 0 and
starts it with the value asked for, so that the first pulse is right. What is left at the end
stays: the output is never taken back from the kernel, which would leave the pin to chance.

Example:

    [device.fan]
    driver = "pwm"
    port = "sysfs:pwm"
    chip = "3f20c000.pwm"    # ls -l /sys/class/pwm; or a number, 0 for pwmchip0
    output = 0               # config.txt: dtoverlay=pwm-2chan; 0 is GPIO18, 1 is GPIO19
    frequency = 25000        # Hz
    safe = 0

Tested: trees of files as /sys/class/pwm shows them; the order of every write.

Source: Linux kernel, Documentation/driver-api/pwm.rst (sysfs interface; nanoseconds).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Access, Channel, Value

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.files import FilesPort

CHIPS = "class/pwm"

SHOWN_S = 1.0
"""How long udev may take to give the files of a new output their group; tens of milliseconds."""

LOOK_S = 0.05

HERTZ_MAX = 1_000_000
"""Beyond it a step of the kernel's, a nanosecond, is more than a tenth of a percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        chip: what the kernel calls the PWM block; a number changes with other chips.
        output: of the chip, counted from 0.
        frequency: of the pulses (Hz). No default: a motor and a lamp want different ones.
        active: the level of the active part of a period.
    """

    port: str
    chip: int | str
    output: int
    frequency: float
    active: Literal["high", "low"] = "high"

    def __post_init__(self) -> None:
        """Refuse what no chip can do."""
        if self.output < 0 or (isinstance(self.chip, int) and self.chip < 0):
            raise ValueError("chips and outputs are counted from 0")
        if isinstance(self.chip, str) and (not self.chip or "/" in self.chip):
            raise ValueError("chip is a number, or a name such as 3f20c000.pwm")
        if not 0 < self.frequency <= HERTZ_MAX:
            raise ValueError(f"frequency is more than 0 and at most {HERTZ_MAX} Hz")

    @property
    def period_ns(self) -> int:
        """The length of a period."""
        return round(1e9 / self.frequency)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the one output."""
    return (Channel("level", "level", "%", 1, access=Access.WRITE, minimum=0, maximum=100),)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Pwm]:
    """Find the chip and yield the actuator; the output itself is touched by the first write.

    Raises:
        DeviceAbsent: there is no such chip.
        DeviceFault: it has no such output.
    """
    async with ports.files(config.port) as files:
        chip = await _find_chip(files, config.chip)
        count = await files.read(f"{chip}/npwm")
        if not count.isdigit() or config.output >= int(count):
            raise DeviceFault(f"{chip} has {count} outputs, counted from 0: no {config.output}")
        yield Pwm(config, files, chip)


async def _find_chip(files: FilesPort, wanted: int | str) -> str:
    """Return the real folder of a chip, by number or by what it hangs on. Raises DeviceAbsent."""
    if isinstance(wanted, int):
        return await files.resolve(f"{CHIPS}/pwmchip{wanted}")
    seen: list[str] = []
    for path in await files.find(f"{CHIPS}/pwmchip*"):
        place = await files.resolve(path)
        # …/3f20c000.pwm/pwm/pwmchip0
        parent = place.rpartition("/")[0].removesuffix("/pwm").rpartition("/")[2]
        if parent == wanted:
            return place
        seen.append(parent)
    raise DeviceAbsent(f"there is no PWM chip {wanted}; there are {', '.join(seen) or 'none'}")


class Pwm:
    """One output, ours from the first write on."""

    def __init__(self, config: Config, files: FilesPort, chip: str) -> None:
        self._config = config
        self._files = files
        self._chip = chip
        self._folder = f"{chip}/pwm{config.output}"
        self._is_set_up = False

    async def write(self, channel: str, value: Value) -> None:
        """Set the level.

        Raises:
            DeviceFault: no number from 0 to 100, or the chip cannot do this frequency.
            DeviceAbsent: the chip is gone, or may not be written.
            DeviceTimeout: it hangs; nobody can say what the output does.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DeviceFault(f"a level is a number from 0 to 100, not {value!r}")
        if not (math.isfinite(value) and 0 <= value <= 100):
            raise DeviceFault(f"a level is a number from 0 to 100, not {value!r}")
        duty_ns = round(self._config.period_ns * value / 100)
        if self._is_set_up:
            await self._set("duty_cycle", duty_ns)
            return
        await self._export()
        await self._set_up()
        await self._set("duty_cycle", duty_ns)
        if await self._get("enable") != "1":
            await self._set("enable", 1)
        self._is_set_up = True

    async def read_back(self, channel: str) -> Value | None:
        """Return the level that the kernel drives, or None before the first write.

        Raises:
            DeviceFault: the files hold no numbers.
            DeviceError: as `write`.
        """
        if not self._is_set_up:
            return None
        if await self._get("enable") != "1":
            return 0.0
        period, duty = await self._get("period"), await self._get("duty_cycle")
        if not (period.isdigit() and duty.isdigit() and 0 < int(period) >= int(duty)):
            raise DeviceFault(f"{self._folder} says {duty[:20]!r} of {period[:20]!r} ns")
        return 100 * int(duty) / int(period)

    async def _export(self) -> None:
        """Have the kernel show the output's files, and wait until they may be written."""
        if not await self._files.find(self._folder):
            await self._files.write(f"{self._chip}/export", str(self._config.output))
        for _ in range(round(SHOWN_S / LOOK_S)):
            if await self._files.may_write(f"{self._folder}/enable"):
                return
            await asyncio.sleep(LOOK_S)
        raise DeviceAbsent(f"{self._folder} may not be written: is the udev rule for PWM there?")

    async def _set_up(self) -> None:
        """Set polarity and period where they are others, with the output at 0 meanwhile."""
        polarity = "normal" if self._config.active == "high" else "inversed"
        # Without the file the chip knows one polarity only.
        can_turn = bool(await self._files.find(f"{self._folder}/polarity"))
        if not can_turn and polarity != "normal":
            raise DeviceFault(f'{self._chip} cannot be active = "low"')
        is_turned = can_turn and await self._get("polarity") != polarity
        period = await self._get("period")
        if period == str(self._config.period_ns) and not is_turned:
            return
        # The kernel refuses a duty longer than the period, and any while there is no period.
        if period != "0":
            await self._set("duty_cycle", 0)
        if is_turned:
            if await self._get("enable") == "1":
                await self._set("enable", 0)
            await self._set("polarity", polarity)
        await self._set("period", self._config.period_ns)

    async def _get(self, name: str) -> str:
        return await self._files.read(f"{self._folder}/{name}")

    async def _set(self, name: str, value: int | str) -> None:
        await self._files.write(f"{self._folder}/{name}", str(value))
