"""Sensors on 1-Wire buses, known by the family in their number.

A bus is searched by its kernel driver every ten seconds; what that found is here. Sensors of one
kind become one device: they convert at once, and are then read in a fraction of the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator

from gatewayd.driver import Evidence
from gatewayd.scan import Found, Guess, View, drivers_on

WIRE = "onewire"
PORT = "sysfs:w1"
SYSFS = "sys/bus/w1/devices"

TIMEOUT = "15s"
"""Without the right to start all conversions at once, each sensor takes its 0.75 s in turn."""


async def find(view: View) -> AsyncIterator[Found]:
    """Yield what the kernel has found."""
    known = {driver.scan["FAMILY"]: driver for driver in drivers_on(WIRE)}
    new: dict[int, list[str]] = defaultdict(list)
    for path in sorted((view.root / SYSFS).glob("[0-9a-f][0-9a-f]-*")):
        number, family = path.name, int(path.name[:2], 16)
        users = [device for (_, place), device in view.used.items() if place == number]
        if users:
            yield Found(WIRE, number, remark=f"is {users[0]} already")
        elif family in known:
            new[family].append(number)
        else:
            yield Found(WIRE, number, remark=f"family {family:02x}: see the driver sysfs")
    for family, numbers in new.items():
        evidence = Evidence(f"family {family:02x}", is_proof=True)
        guess = Guess(known[family].kind, evidence, section_of(numbers))
        yield Found(WIRE, ", ".join(numbers), (guess,))


def section_of(numbers: list[str]) -> dict[str, object]:
    """Return the keys of one device with all these sensors."""
    if len(numbers) == 1:
        return {"port": PORT, "timeout": TIMEOUT, "sensor": numbers[0]}
    sensors = {f"temperature{i}": number for i, number in enumerate(numbers, 1)}
    return {"port": PORT, "timeout": TIMEOUT, "sensors": sensors}
