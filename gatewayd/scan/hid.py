"""USB relay boards that are HID devices, known by what they call themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gatewayd.driver import Evidence
from gatewayd.ports.hid import list_hid
from gatewayd.scan import Found, Guess, View, drivers_on

WIRE = "hid"
SYSFS = "sys/class/hidraw"


async def find(view: View) -> AsyncIterator[Found]:
    """Yield the boards that some driver knows; keyboards and the like are passed over."""
    for device in list_hid(view.root / SYSFS):
        for driver in drivers_on(WIRE):
            assert driver.recognise is not None, "there is no family here"
            evidence: Evidence | None = driver.recognise(device)
            if evidence is None:
                continue
            names = (device.path, f"hid:{device.id}", f"hid:{device.place}")
            users = [view.used[name, None] for name in names if (name, None) in view.used]
            if users:
                yield Found(WIRE, device.path, remark=f"is {users[0]} already")
            else:
                guess = Guess(driver.kind, evidence, {})
                yield Found(WIRE, device.path, (guess,), is_output=True)
