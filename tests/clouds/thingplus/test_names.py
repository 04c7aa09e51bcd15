"""What Thing+ calls our channels: by the owner's word, or by themselves."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.names import (
    ID_LENGTH_MAX,
    NameEntry,
    Sensor,
    name_channels,
)
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId


def channels(*given: Channel) -> dict[ChannelId, Channel]:
    return {ChannelId(channel.id): channel for channel in given}


def named(channel: Channel, **entry: object) -> Sensor:
    table = {channel.id: NameEntry(**entry)} if entry else {}  # type: ignore[arg-type]  # Test data.
    tables = ({}, table) if channel.access is Access.WRITE else (table, {})
    return name_channels("gw", channels(channel), *tables)[ChannelId(channel.id)]


@pytest.mark.parametrize(
    ("kind", "unit", "type_", "scale"),
    [
        ("temperature", "Cel", "temperature", 1),
        ("humidity", "%", "humidity", 1),
        ("pressure", "Pa", "pressure", 1e-5),
        ("pressure", "hPa", "pressure", 1e-3),
        ("voltage", "mV", "voltage", 1e-3),
        ("current", "A", "current", 1),
        ("power", "kW", "electricPower", 1e3),
        ("energy", "J", "electricEnergy", 1 / 3.6e6),
        ("speed", "km/h", "speed", 1 / 3.6),
        ("location", "", "location", 1),
        ("switch", "", "onoff", 1),
        ("alarm", "", "onoff", 1),
        ("share", "%", "percent", 1),
        ("rate", "By/s", "number", 1),
        ("text", "", "string", 1),
    ],
)
def test_an_unmapped_channel_gets_the_nearest_type(
    kind: str, unit: str, type_: str, scale: float
) -> None:
    """By its kind, in the unit that the type stands for."""
    sensor = named(Channel("dev/ch", kind, unit))
    assert (sensor.id, sensor.type, sensor.offset) == ("gw-dev-ch", type_, 0)
    assert sensor.scale == pytest.approx(scale)


def test_a_switch_output_is_a_power_switch_and_others_take_texts() -> None:
    """So that every output can be set without a mapping."""
    assert named(Channel("pump/relay", "switch", access=Access.WRITE)).type == "powerSwitch"
    assert named(Channel("fan/level", "level", access=Access.WRITE)).type == "stringActuator"


def test_the_owners_word_goes_before() -> None:
    """Id, type, scale and offset are taken as given; units are then the owner's business."""
    channel = Channel("a/p", "pressure", "Pa")
    mine = named(channel, id="x.1", type="number", scale=2.0)
    assert mine == Sensor(ChannelId("a/p"), "x.1", "number", 2.0, 0.0)
    assert named(channel, id="x.1").scale == 1e-5


def test_a_channel_can_be_kept_from_the_cloud() -> None:
    """`skip` leaves it out."""
    table = channels(Channel("a/b", "count"), Channel("a/c", "count"))
    assert list(name_channels("gw", table, {"a/b": NameEntry(skip=True)}, {})) == ["a/c"]


def test_default_ids_are_legal() -> None:
    """Characters that an id may not have are replaced."""
    assert named(Channel("räum 1/x", "count")).id == "gw-r_um_1-x"


@pytest.mark.parametrize("id", ["a b", "a/b", "ä", "x" * (ID_LENGTH_MAX + 1), "a,b"])
def test_an_illegal_id_is_the_owners_mistake(id: str) -> None:
    """Only RFC 3986 unreserved characters."""
    with pytest.raises(ConfigError, match="no Thing\\+ id"):
        named(Channel("a/b", "count"), id=id)


def test_an_illegal_gateway_id_is_the_owners_mistake() -> None:
    """It is part of every topic."""
    with pytest.raises(ConfigError, match="gateway id"):
        name_channels("a/b", {}, {}, {})


def test_two_channels_cannot_share_an_id() -> None:
    """Their values would be mixed, and half of them ignored."""
    table = channels(Channel("a/b", "count"), Channel("a/c", "count"))
    with pytest.raises(ConfigError, match="same id"):
        name_channels("gw", table, {"a/b": NameEntry(id="gw-a-c")}, {})


def test_entries_belong_to_channels_of_their_kind() -> None:
    """A name for nothing, or for the wrong side, is a typing error."""
    table = channels(Channel("a/in", "count"), Channel("a/out", "switch", access=Access.WRITE))
    for sensors, actuators in (({"a/x"}, set()), ({"a/out"}, set()), (set(), {"a/in"})):
        with pytest.raises(ConfigError):
            name_channels(
                "gw",
                table,
                {name: NameEntry() for name in sensors},
                {name: NameEntry() for name in actuators},
            )


def test_an_actuator_that_toggles_is_refused() -> None:
    """Commands are setpoints; a television has none."""
    with pytest.raises(ConfigError, match="television"):
        named(Channel("tv/key", "switch", access=Access.WRITE), type="television")
