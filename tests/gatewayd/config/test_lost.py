"""Outputs that a mistake hides."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.config import Settings, salvage
from gatewayd.config.lost import may_have_outputs
from gatewayd.driver import driver_kinds, load_driver

RELAY = '[device.pump]\ndriver = "sim_relay"\nhold_max = "1h"\n'


def understand(folder: Path, text: str) -> Settings:
    """Return what is understood of a text."""
    file = folder / "config.toml"
    file.write_text(text)
    settings, _ = salvage(file, {})
    assert settings is not None
    return settings


@pytest.mark.parametrize(
    "text",
    [
        RELAY,
        RELAY + 'safe = "of"\n',
        RELAY.replace("sim_relay", "sim_rely") + 'safe = "off"\n',
        '[device.pump]\ndriver = "nosuch"\n[device.pump.channel.relay]\nsafe = "off"\n',
        '[device.pump]\ndriver = "sim_relay"\nrelays = 5\n',
        '[device.pump]\nhold_max = "1h"\n',
        '[device.pump]\ndriver = "serial_relay"\nport = "bus"\nsafe = "off"\n[port.bus]\n',
    ],
)
def test_an_output_with_mistakes_is_lost_and_has_a_reason(tmp_path: Path, text: str) -> None:
    """No `safe`, a wrong one, a wrong driver, a wrong wire: nobody may guess."""
    settings = understand(tmp_path, text)
    assert settings.devices == {}
    assert settings.lost["pump"].startswith("its section has mistakes: line ")


@pytest.mark.parametrize(
    "text",
    [
        RELAY + 'safe = "off"\n',
        RELAY.replace('"1h"', '"soon"') + 'safe = "off"\n',
        '[device.boiler]\ndriver = "bme280"\n',
        '[device.boiler]\ndriver = "sim"\nsignals.level = {}\nsafe = "off"\n',
        '[device.boiler]\ndriver = "nosuch"\n',
    ],
)
def test_sound_outputs_and_sensors_are_not_lost(tmp_path: Path, text: str) -> None:
    """Nor is an output with a mistake that leaves no doubt about what is safe."""
    assert understand(tmp_path, text).lost == {}


@pytest.mark.parametrize("kind", driver_kinds())
def test_the_example_tells_whether_a_driver_drives_outputs(tmp_path: Path, kind: str) -> None:
    """Every driver's example is sound, so an output in it has its `safe`, and a sensor none."""
    settings = understand(tmp_path, load_driver(kind).example())
    has_outputs = any(device.limits for device in settings.devices.values())
    assert may_have_outputs(None, {"driver": kind}) == has_outputs
