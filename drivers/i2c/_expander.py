"""Port expanders: pins behind a few registers, as inputs and as relays.

Strategy for outputs: a pin's level is in the latch before the pin becomes an output, so that no
wrong level ever shows. Each write says anew all that this device has written so far, because a
chip that lost its power has forgotten it; pins that are not ours stay as the chip has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceFault
from gatewayd.model import Access, Channel, Measurement, Value

if TYPE_CHECKING:
    from gatewayd.ports.i2c import I2cPort

Active = Literal["low", "high"]


@dataclass(frozen=True, slots=True)
class Expander:
    """One kind of chip: how many pins, and its registers (of two bytes, the low pins first, where
    there are 16 pins).

    Attributes:
        inputs, outputs: levels of the pins, and of the latch behind them. None for a chip without
            registers: what is written to it are the levels, and 1 is an input as well.
        directions, pull_ups: None where the chip has none.
    """

    pins: int
    inputs: int | None = None
    outputs: int | None = None
    directions: int | None = None
    pull_ups: int | None = None
    addresses: tuple[int, ...] = tuple(range(0x20, 0x28))

    @property
    def size(self) -> int:
        """Bytes of a register."""
        return self.pins // 8


Kind = Literal["pcf8574", "mcp23017", "pca9554", "pca9555"]

TWO_RANGES = (*range(0x20, 0x28), *range(0x38, 0x40))
"""The A types of these chips have addresses of their own."""

CHIPS: dict[Kind, Expander] = {
    "pcf8574": Expander(8, addresses=TWO_RANGES),
    # With IOCON.BANK 0, as after power-up.
    "mcp23017": Expander(16, inputs=0x12, outputs=0x14, directions=0x00, pull_ups=0x0C),
    "pca9554": Expander(8, inputs=0x00, outputs=0x01, directions=0x03, addresses=TWO_RANGES),
    "pca9555": Expander(16, inputs=0x00, outputs=0x02, directions=0x06),
}


def check_pins(pins: Mapping[str, int], chip: Expander, address: int) -> None:
    """Raise ValueError for an address or pins that the chip cannot have, or one named twice."""
    if address not in chip.addresses:
        raise ValueError(
            f"the address cannot be {address:#04x}; this chip has 0x20 to 0x27"
            + (" or 0x38 to 0x3f" if chip.addresses is TWO_RANGES else "")
        )
    if not pins:
        raise ValueError("at least one pin is needed, as { name = 0 }")
    if len(set(pins.values())) != len(pins):
        raise ValueError("every pin has one name")
    for name, pin in pins.items():
        if not 0 <= pin < chip.pins:
            raise ValueError(f"{name}: pins are 0 to {chip.pins - 1}, not {pin}")


def switches(names: Iterable[str], access: Access) -> tuple[Channel, ...]:
    """Return one switch for each name."""
    return tuple(Channel(name, "switch", access=access) for name in names)


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers of one chip on its bus."""

    bus: I2cPort
    address: int
    size: int = 1

    async def read(self, register: int | None) -> int:
        """Return a register, or what a chip without registers says. Raises DeviceError."""
        if register is None:
            return int.from_bytes(await self.bus.read(self.address, self.size), "little")
        raw = await self.bus.transfer(self.address, bytes([register]), self.size)
        return int.from_bytes(raw, "little")

    async def write(self, register: int | None, value: int) -> None:
        """Set a register. Raises DeviceError."""
        head = b"" if register is None else bytes([register])
        await self.bus.write(self.address, head + value.to_bytes(self.size, "little"))


@dataclass(slots=True)
class Inputs:
    """Pins that are read."""

    registers: Registers
    chip: Expander
    pins: Mapping[str, int]
    active: Active

    async def prepare(self, *, with_pull_ups: bool) -> None:
        """Make inputs of our pins, where the chip tells the two apart. Raises DeviceError."""
        mask = sum(1 << pin for pin in self.pins.values())
        if self.chip.pull_ups is not None:
            before = await self.registers.read(self.chip.pull_ups)
            after = before | mask if with_pull_ups else before & ~mask
            if after != before:
                await self.registers.write(self.chip.pull_ups, after)
        if self.chip.directions is not None:
            before = await self.registers.read(self.chip.directions)
            if before | mask != before:
                await self.registers.write(self.chip.directions, before | mask)

    async def read(self) -> Sequence[Measurement]:
        """Return whether each input is active, all in one instant. Raises DeviceError."""
        levels = await self.registers.read(self.chip.inputs)
        return [
            Measurement(name, bool(levels >> pin & 1) == (self.active == "high"))
            for name, pin in self.pins.items()
        ]


@dataclass(slots=True)
class Relays:
    """Pins that switch something.

    Attributes:
        bits: one bit of the chip's registers for each relay.
        _shown: levels that this device has written, by bit.
    """

    registers: Registers
    chip: Expander
    bits: Mapping[str, int]
    active: Active
    _shown: dict[int, bool] = field(default_factory=dict)

    async def write(self, channel: str, value: Value) -> None:
        """Switch one relay.

        Raises:
            DeviceFault: there is no such relay, or neither on nor off.
            DeviceTimeout: nobody can say whether it did.
            DeviceAbsent: the chip does not answer.
        """
        bit = self._bit(channel)
        if not isinstance(value, bool):
            raise DeviceFault(f"{channel} cannot be {value!r}; a relay is on or off")
        wanted = {**self._shown, bit: value == (self.active == "high")}
        await self._show(wanted)
        self._shown = wanted

    async def read_back(self, channel: str) -> bool:
        """Return what the pin itself shows.

        Raises:
            DeviceFault: the pin is no output any more: the chip has lost its power meanwhile.
            DeviceError: the bus says so.
        """
        bit = self._bit(channel)
        if (
            self.chip.directions is not None
            and await self.registers.read(self.chip.directions) & bit
        ):
            raise DeviceFault(f"{channel} is no output: the chip has lost its power meanwhile")
        register = self.chip.outputs if self.chip.inputs is None else self.chip.inputs
        level = bool(await self.registers.read(register) & bit)
        return level == (self.active == "high")

    async def _show(self, levels: Mapping[int, bool]) -> None:
        high = sum(bit for bit, level in levels.items() if level)
        ours = sum(levels)
        if self.chip.outputs is None:
            # A pin of somebody else that is pulled low outside must not be driven low by us.
            strangers = ~sum(self.bits.values())
            now = await self.registers.read(None) | strangers
            await self.registers.write(None, (now & ~ours | high) & (1 << self.chip.pins) - 1)
            return
        now = await self.registers.read(self.chip.outputs)
        await self.registers.write(self.chip.outputs, now & ~ours | high)
        if self.chip.directions is not None:
            inputs = await self.registers.read(self.chip.directions)
            if inputs & ours:
                await self.registers.write(self.chip.directions, inputs & ~ours)

    def _bit(self, channel: str) -> int:
        if channel not in self.bits:
            raise DeviceFault(f"there is no relay {channel}")
        return self.bits[channel]
