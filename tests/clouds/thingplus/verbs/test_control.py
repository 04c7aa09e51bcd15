"""Arguments of `control` into what the cloud takes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.calls import COMMANDS
from gatewayd.clouds.thingplus.names import Sensor
from gatewayd.clouds.thingplus.verbs import CONTROL_TYPES
from gatewayd.clouds.thingplus.verbs.account import Account
from gatewayd.clouds.thingplus.verbs.control import options_of, sensor_of, show_result
from gatewayd.errors import WrongUsage
from gatewayd.model import ChannelId

RELAY = ChannelId("pump/relay")
ACCOUNT = Account(
    uplink="thingplus",
    rest_url="https://api.thingplus.net",
    gateway_id="b827eb000001",
    gateway_name="Boiler room",
    report_interval_ms=60_000,
    api_key=None,
    folder=Path("/nowhere"),
    names={RELAY: Sensor(RELAY, "relay-id", "powerSwitch", is_output=True)},
)


def test_durations_become_whole_milliseconds() -> None:
    """The unit of the cloud."""
    found = options_of(argparse.Namespace(option=[], duration=1.5, blink=0.25))
    assert found == {"interval": 250, "duration": 1500}


def test_other_options_are_numbers_where_they_look_like_it() -> None:
    """Texts otherwise; the first = ends the name."""
    found = options_of(
        argparse.Namespace(option=["row=-1", "text=a=b", "red=255"], duration=None, blink=None)
    )
    assert found == {"row": -1, "text": "a=b", "red": 255}


@pytest.mark.parametrize("option", ["row", "=5", ""])
def test_an_option_without_a_value_is_said_to_be_one(option: str) -> None:
    """As a sentence, for exit code 2."""
    found = options_of(argparse.Namespace(option=[option], duration=None, blink=None))
    assert found == f"{option!r} is not NAME=VALUE"


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("pump/relay", ("b827eb000001", "relay-id")),
        ("b827eb000002/other", ("b827eb000002", "other")),
        ("other", ("b827eb000001", "other")),
    ],
)
def test_a_local_channel_goes_before_ids(name: str, ids: tuple[str, str]) -> None:
    """DEVICE/CHANNEL, else GATEWAY/SENSOR, else a sensor of this gateway."""
    assert sensor_of(ACCOUNT, name) == ids


@pytest.mark.parametrize("name", ["", "/", "a/", "/b", "a/b/c"])
def test_a_name_that_is_neither_is_refused(name: str) -> None:
    """Before anything is asked of the cloud."""
    with pytest.raises(WrongUsage, match="neither"):
        sensor_of(ACCOUNT, name)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"value": 1, "verified": True}, "done; it is 1 (read back)"),
        ({"value": 0, "verified": False, "message": "held"}, "done; it is 0 (assumed); held"),
        ({"value": 0}, "done; it is 0"),
        ({"value": None, "verified": True}, "done"),
        ({"value": 1, "verified": [1]}, "done; it is 1"),
        ({}, "done"),
        ("success", "done"),
        (None, "done"),
        ("blinking", "done; the answer is blinking"),
    ],
)
def test_an_answer_is_a_sentence(result: object, sentence: str) -> None:
    """Whatever kind of gateway gave it."""
    assert show_result(result) == sentence


def test_the_help_names_what_every_type_takes() -> None:
    """As the gateway does in its answer."""
    rows = [line.split(maxsplit=1) for line in CONTROL_TYPES.splitlines()[1:]]
    told = {type: re.findall(r"([a-z]+)(?: \([^)]*\))?(?:, |$)", words) for type, words in rows}
    assert told == {type: list(commands) for type, commands in COMMANDS.items()}
