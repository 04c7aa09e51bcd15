"""`python -m tests.device_table`: the README's table of devices, from the drivers' own words.

A test fails when the README is behind.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gatewayd.config import DeviceSettings, inspect
from gatewayd.driver import Driver, driver_kinds, is_output, load_driver

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- devices: python -m tests.device_table -->", "<!-- /devices -->"

HEAD = ("driver", "device", "channels", "wire", "tested how")

WIRES = {"i2c": "I²C", "gpio": "GPIO", "ble": "BLE", "onewire": "1-Wire", "hid": "USB HID"}
"""Folders whose name is not what people write."""

CHANNELS_MAX = 8
"""A table is for finding; the driver's docstring has them all."""


def device_of(driver: Driver) -> DeviceSettings:
    """Return what the real configuration makes of a driver's own example."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(driver.example(), encoding="utf-8")
        settings, problems = inspect(file, {})
    assert settings is not None, "\n".join(map(str, problems))
    return next(each for each in settings.devices.values() if each.driver.kind == driver.kind)


def rows() -> Iterator[tuple[str, ...]]:
    """Yield a row for each driver, in the order of wires and names."""
    for kind, module in sorted(driver_kinds().items(), key=lambda item: (item[1], item[0])):
        driver = load_driver(kind)
        wire = module.split(".")[1]
        first = driver.doc.partition("\n")[0].removesuffix(".")
        yield f"`{kind}`", first, channels(device_of(driver)), WIRES.get(wire, wire), tested(driver)


def tested(driver: Driver) -> str:
    """Return how a driver was tested, in its own words."""
    return driver.told("Tested").removesuffix(".")


def channels(device: DeviceSettings) -> str:
    """Return the channels of a driver's example with their units; outputs are said to be some."""
    told = [
        channel.id
        + (f" ({channel.unit})" if channel.unit else "")
        + (" – output" if is_output(channel) else "")
        for channel in device.channels
    ]
    more = len(told) - CHANNELS_MAX
    return ", ".join(told[:CHANNELS_MAX]) + (f", {more} more" if more > 0 else "")


def table() -> str:
    """Return the whole table in Markdown."""
    lines = [HEAD, tuple("---" for _ in HEAD), *rows()]
    return "".join(f"| {' | '.join(each.replace('|', '/') for each in line)} |\n" for line in lines)


def renewed(readme: str) -> str:
    """Return the README with the table as it is now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}{END}{after}"


def main() -> int:
    """Write the README anew."""
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
