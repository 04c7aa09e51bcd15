"""Chips on the I²C buses, known by their registers.

Every address that some driver knows is asked by that driver's own `recognise`: some chips do not
even acknowledge a plain read. The other addresses are read one byte each, as `i2cdetect -r` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.errors import DeviceError, DeviceFault
from gatewayd.scan import Found, Guess, View, drivers_on, ranked

if TYPE_CHECKING:
    from gatewayd.driver import Driver
    from gatewayd.ports.i2c import I2cPort

WIRE = "i2c"
SYSFS = "sys/bus/i2c/devices"

ADDRESSES = range(0x08, 0x78)


async def find(view: View) -> AsyncIterator[Found]:
    """Yield every chip that answers, bus by bus."""
    for number in sorted(buses(view.root)):
        name = f"i2c:{number}"
        try:
            async with view.ports.i2c(name) as bus:
                for address in ADDRESSES:
                    view.tell(f"{name} {address:#04x}")
                    found = await look(view, bus, name, address)
                    if found is not None:
                        yield found
        except DeviceError as error:
            yield Found(WIRE, name, remark=str(error))


def buses(root: Path) -> list[int]:
    """Return the numbers of all I²C adapters."""
    names = [path.name.removeprefix("i2c-") for path in (root / SYSFS).glob("i2c-*")]
    return [int(name) for name in names if name.isdigit()]


async def look(view: View, bus: I2cPort, name: str, address: int) -> Found | None:
    """Return what is at one address, None for nothing."""
    place = f"{name} {address:#04x}"
    owner = (view.root / SYSFS / f"{name.removeprefix('i2c:')}-{address:04x}" / "driver").resolve()
    if owner.exists():
        return Found(WIRE, place, remark=f"the kernel's driver {owner.name} has it: see sysfs")
    if (name, address) in view.used:
        return Found(WIRE, place, remark=f"is {view.used[name, address]} already")
    guesses = []
    for driver in drivers_on(WIRE):
        if address in driver.scan.get("ADDRESSES", ()):
            guess = await _ask(driver, bus, name, address)
            if guess is not None:
                guesses.append(guess)
    if guesses:
        return Found(WIRE, place, ranked(guesses))
    return Found(WIRE, place) if await _answers(bus, address) else None


async def _ask(driver: Driver, bus: I2cPort, name: str, address: int) -> Guess | None:
    assert driver.recognise is not None, "drivers_on returns no others"
    try:
        evidence = await driver.recognise(bus, address)
    except DeviceError:
        return None
    if evidence is None:
        return None
    return Guess(driver.kind, evidence, {"port": name, "address": address})


async def _answers(bus: I2cPort, address: int) -> bool:
    try:
        await bus.read(address, 1)
    except DeviceFault:
        return True
    except DeviceError:
        return False
    return True
