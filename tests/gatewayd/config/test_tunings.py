"""What the owner says about a measured channel: read, declared, and every mistake placed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.config import inspect
from gatewayd.model import ChannelId
from gatewayd.tuning import Alarm
from tests.gatewayd.config.written import Check

SENSOR = '[device.tank]\ndriver = "sim"\nsignals = { level = { unit = "Pa" }, other = {} }\n'
CHANNEL = SENSOR + "[device.tank.channel.level]\n"
COUNTER = CHANNEL + "counter = true\n"


def test_every_key_reaches_the_sampler(check: Check) -> None:
    """As the dataclass holds it."""
    keys = """
lookup = [[0, 0.0], [4, 10.5]]
clamp = [0, 100]
window = "5m"
alarm = { above = 80, below = 5, hysteresis = 1 }
"""
    tuning = check(CHANNEL + keys).good.devices["tank"].tunings["level"]
    assert tuning.lookup == ((0.0, 0.0), (4.0, 10.5))
    assert tuning.clamp == (0.0, 100.0)
    assert tuning.window == 300
    assert tuning.alarm == Alarm(above=80, below=5, hysteresis=1)


def test_the_world_is_told_what_the_channel_became(check: Check) -> None:
    """Unit, kind and decimals of the value that is reported, and a conversion worked in."""
    device = check(CHANNEL + 'kind = "pressure"\ndecimals = 1\nto = "kPa"').good.devices["tank"]
    level, _ = device.channels
    assert (level.kind, level.unit, level.decimals) == ("pressure", "kPa", 1)
    assert device.tunings["level"].scale == pytest.approx(0.001)


def test_channels_made_of_others_are_there_for_everybody(check: Check) -> None:
    """Beside the one that they are made of; a counter is declared as one."""
    text = (
        CHANNEL
        + 'window = "5m"\nalarm = { above = 1 }\n[device.tank.channel.other]\ncounter = true'
    )
    device = check(text).good.devices["tank"]
    names = ["level", "level_min", "level_max", "level_alarm", "other"]
    assert [channel.id for channel in device.channels] == names
    assert device.channels[3].kind == "alarm"
    assert device.channels[4].is_counter


def test_a_cloud_may_name_them(check: Check, cloud: str) -> None:
    """A cloud's names are checked against what will be reported."""
    uplink = f'[uplink.up]\nkind = "{cloud}"\nhost = "h"\napi_key = "k"\n[uplink.up.sensors]\n'
    text = CHANNEL + 'window = "5m"\n' + uplink
    assert check(text + '"tank/level_max" = { id = "a" }').good.uplinks
    assert "unknown" in check(text + '"tank/level_maximum" = { id = "a" }').said[0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("lookup = [[1, 0], [1, 5]]", "5:10: found [[1.0, 0.0], [1.0, 5.0]]; expected two points"),
        ("lookup = [[1, 0]]", "5:10: found [[1.0, 0.0]]; expected two points"),
        ("lookup = [[1, 0, 3]]", "5:11: found"),
        ("clamp = [5, 1]", "5:9: found [5.0, 1.0]; expected the lowest value first"),
        ('expression = "x +"', '5:14: found "x +"; not an expression: invalid syntax'),
        ('expression = "open(x)"', '5:14: found "open(x)"; open() is unknown; there are abs,'),
        (
            'expression = "x * othr"',
            '5:14: found the name "othr" in an expression; expected "x" or "other"; nearest: other',
        ),
        (
            'lookup = [[1, 0], [2, 3]]\nexpression = "x"',
            "6:1: found an expression and a lookup; expected one of them",
        ),
        ('kind = "Air Pressure"', '5:8: found "Air Pressure"; expected one word in lower case'),
        ("decimals = -1", "5:12: found -1; expected zero or more"),
        ('to = "kpa"', '5:6: "Pa" cannot be made "kpa"; expected "hPa", '),
        (
            'unit = "turns"\nto = "kPa"',
            '6:6: nobody knows how "turns" becomes "kPa"; expected scale, offset and unit instead',
        ),
        ('window = "0s"', '5:10: found "0s"; expected more than zero'),
        ("window = 5", "5:10: found 5; a duration needs a number and a unit"),
        ("alarm = { abov = 1 }", '5:11: unknown key "abov"; expected "above", "below"'),
        ("alarm = {}", "5:9: found {}; expected above, below or both"),
        (
            "alarm = { above = 2, below = 1, hysteresis = 1 }",
            "5:9: found {above, below, hysteresis}; expected room between",
        ),
        ("wraps_at = 256", '5:1: found "wraps_at" for no counter; expected it for counters only'),
        ("total = 5", '5:1: found "total" for no counter; expected it for counters only'),
    ],
)
def test_a_mistake_is_told_where_it_stands(check: Check, keys: str, said: str) -> None:
    """With what was found and what was expected."""
    first, *_ = check(CHANNEL + keys).said
    assert first.startswith(said)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('window = "5m"', '6:1: found "window" for a counter; expected it for what is no counter'),
        ("offset = 5", '6:1: found "offset" for a counter; expected it for what is no counter'),
        ("scale = -1", "6:9: found -1.0; expected more than zero, the worth of one count"),
        ("wraps_at = 0", "6:12: found 0; expected more than zero"),
        ("total = -1", "6:9: found -1; expected zero or more"),
    ],
)
def test_what_a_counter_cannot_have_is_refused(check: Check, keys: str, said: str) -> None:
    """A total is what was counted and nothing else."""
    assert check(COUNTER + keys).said == [said]


def test_a_made_channel_may_not_take_anothers_name(check: Check) -> None:
    """Nobody could tell them apart."""
    text = SENSOR.replace("other", "level_max") + '[device.tank.channel.level]\nwindow = "5m"'
    said = '5:1: it makes a channel "level_max"; expected that no other is called so'
    assert check(text).said == [said]
    name = "n" * 62
    text = f'[device.tank]\ndriver = "sim"\nsignals.{name} = {{}}\n'
    (said,) = check(text + f'[device.tank.channel.{name}]\nwindow = "5m"').said
    assert said.startswith(f'5:1: it makes a channel "{name[:50]}')
    assert "expected up to 64 of" in said


def test_how_often_totals_are_saved_is_the_owners(check: Check) -> None:
    """Ten minutes where nothing is said; never so often that it wears out the card."""
    assert check(SENSOR).good.totals.save == 600
    assert check(SENSOR + '[totals]\nsave = "1h"').good.totals.save == 3600
    assert check(SENSOR + '[totals]\nsave = "1s"').said == [
        '5:8: found "1s"; expected "10s" or more'
    ]


def test_the_example_shows_every_key() -> None:
    """And has no mistake; what is not in use stands in a comment."""
    example = Path(__file__).parents[3] / "config.example.toml"
    settings, problems = inspect(example, {"GATEWAYD_GATEWAY__RUNTIME_DIR": "/dev/shm/gw"})
    assert settings is not None, [str(problem) for problem in problems]
    text = example.read_text()
    for key in check_names():
        assert f"\n{key} = " in text or f"\n#{key} = " in text, key
    names = {ChannelId(f"{d.name}/{c.id}") for d in settings.devices.values() for c in d.channels}
    assert any(name.endswith("_alarm") for name in names)


def check_names() -> list[str]:
    """Return the keys that a measured channel may have."""
    from gatewayd.config.shapes import shape_of
    from gatewayd.tuning import Tuning

    return shape_of(Tuning).names()
