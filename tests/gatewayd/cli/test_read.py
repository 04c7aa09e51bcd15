"""`gatewayd read`: from the daemon, or straight from the hardware."""

from __future__ import annotations

import json

import pytest

from gatewayd.cli.read import read_hardware, show_cell, show_rows
from gatewayd.errors import ConfigError
from tests.peers.plant import Plant


def test_without_a_daemon_the_hardware_is_read(plant: Plant) -> None:
    """Reading moves nothing: the relay that is on stays on."""
    plant.switch_on()
    done = plant.run("read", "pump/relay", "--json")
    (row,) = json.loads(done.stdout)
    assert (done.returncode, row["channel"], row["value"]) == (0, "pump/relay", True)
    assert plant.relays()["relay"] is True


def test_without_daemon_and_configuration_both_are_told(plant: Plant) -> None:
    """Exit 78: with a good file the hardware could have been read."""
    plant.config.unlink()
    done = plant.run("read", "pump")
    assert (done.returncode, done.stdout) == (78, "")
    assert f"{plant.config}: cannot be read" in done.stderr
    assert "no daemon is running" in done.stderr


def test_with_a_daemon_it_is_asked(plant: Plant) -> None:
    """The daemon's own words, and its hardware is left alone."""
    with plant.daemon():
        rows = json.loads(plant.run("read", "--json").stdout)
        assert [(row["channel"], row["value"]) for row in rows] == [
            ("pump/relay", False),
            ("pump/lamp", False),
            ("valve/relay", False),
        ]
        done = plant.run("read", "nobody")
        assert (done.returncode, done.stdout) == (1, "")
        assert "no device or channel is called nobody" in done.stderr


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("boiler", "no device is called 'boiler'"), ("pump/rely", "it has relay, lamp")],
)
async def test_a_name_that_nobody_has_is_told(plant: Plant, wanted: str, said: str) -> None:
    """With what there is instead."""
    with pytest.raises(ConfigError, match=said):
        await read_hardware(plant.config, wanted)


async def test_a_device_that_is_not_there_has_a_reason(plant: Plant) -> None:
    """No value, the quality that says why, and a sentence."""
    plant.append('[device.gone]\ndriver = "bme280"\nport = "i2c:97"\naddress = 0x76\n')
    rows = await read_hardware(plant.config, "gone")
    assert {row["value"] for row in rows} == {None}
    assert {row["quality"] for row in rows} == {"absent"}
    assert all(row["detail"] for row in rows)


def test_values_are_shown_with_their_decimals_and_remarks() -> None:
    """21.50, on, – and why."""
    plain = {"unit": "Cel", "quality": "good", "age_s": 0.1, "decimals": 2}
    assert show_cell({**plain, "value": 21.5}) == "21.50"
    assert show_cell({**plain, "value": None}) == "–"
    old = {**plain, "channel": "a/b", "value": 1.0, "age_s": 90.0, "quality": "uncertain"}
    assert show_rows([old]).splitlines()[1] == "a/b      1.00   Cel   uncertain, 1m30s old"


def test_watching_marks_what_moved() -> None:
    """Who turns a knob sees which line it is; what does not show is no movement."""

    def row(channel: str, value: object) -> dict[str, object]:
        facts = {"unit": "", "decimals": 1, "quality": "good", "age_s": 0.0}
        return {"channel": channel, "value": value, **facts}

    before = [row("a/x", 1.0), row("a/y", 2.0), row("a/z", 3.0)]
    after = [row("a/x", 1.01), row("a/y", 2.5), row("a/z", None)]
    _, _, x, y, z = show_rows(after, before).splitlines()
    assert [line.startswith("*") for line in (x, y, z)] == [False, True, True]
    assert "*" not in show_rows(after, after) and "*" not in show_rows(after)


async def test_straight_from_the_hardware_a_value_is_shaped_as_in_the_daemon(plant: Plant) -> None:
    """But for what takes time: windows and alarms are made by the daemon alone."""
    plant.append(
        '[device.tank]\ndriver = "sim"\nsignals.level = { mean = 5.0, unit = "Pa" }\n'
        'signals.other = { mean = 3.0 }\n[device.tank.channel.level]\nexpression = "x - other"\n'
        'scale = 2\nto = "hPa"\nwindow = "1m"\nalarm = { above = 1 }\n'
    )
    rows = await read_hardware(plant.config, "tank")
    assert [(row["channel"], row["value"], row["unit"]) for row in rows] == [
        ("tank/level", 0.04, "hPa"),
        ("tank/other", 3.0, ""),
    ]
