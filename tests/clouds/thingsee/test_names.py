"""What our channels are in Thingsee: by the owner's word, or by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gatewayd.clouds.thingsee.names import (
    Names,
    OutputEntry,
    Owner,
    Place,
    SensorEntry,
    name_channels,
)
from gatewayd.clouds.thingsee.tuid import DEVICE_PREFIX, make_tuid
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId


def named(*given: Channel, **owner: Mapping[str, Any] | str) -> Names:
    channels = {ChannelId(channel.id): channel for channel in given}
    defaults: dict[str, Any] = {"gateway_tuid": "", "things": {}, "sensors": {}, "actuators": {}}
    return name_channels("gw", channels, Owner(**{**defaults, **owner}))


def place(channel: Channel, **owner: Mapping[str, Any] | str) -> Place:
    return named(channel, **owner).places[ChannelId(channel.id)]


@pytest.mark.parametrize(
    ("kind", "unit", "message", "field", "scale", "offset"),
    [
        ("temperature", "[degF]", 12100, "temp", 5 / 9, -160 / 9),
        ("humidity", "%", 12100, "humd", 1, 0),
        ("pressure", "hPa", 12100, "airp", 100, 0),
        ("light", "lx", 12100, "lght", 1, 0),
        ("door", "", 12101, "hall", -1, 1),
        ("contact", "", 12101, "hall", 1, 0),
        ("motion", "", 13100, "moveCount", 1, 0),
        ("presence", "", 2100, "state", 1, 0),
        ("distance", "m", 17100, "dist", 1000, 0),
        ("co2", "[ppm]", 24100, "carbonDioxide", 1, 0),
        ("voc", "[ppm]", 24101, "tvoc", 1000, 0),
        ("battery", "1", 1110, "batl", 100, 0),
        ("vibration", "%", 16100, "activityLevel", 1, 0),
        ("acceleration", "m/s2", 1111, "accx", 1000 / 9.80665, 0),
        ("location", "", 1210, "lat", 1, 0),
        ("voltage", "V", 1400, "x", 1, 0),
        ("switch", "", 1400, "x", 1, 0),
        ("text", "", 1400, "x", 1, 0),
    ],
)
def test_an_unmapped_channel_has_a_place(
    kind: str, unit: str, message: int, field: str, scale: float, offset: float
) -> None:
    """By its kind, in the field's unit; as diagnostics where the catalogue has none."""
    found = place(Channel("dev/x", kind, unit))
    assert (found.message, found.field) == (message, field)
    assert (found.scale, found.offset) == pytest.approx((scale, offset))


def test_a_device_is_a_thing() -> None:
    """With a TUID of its own, always the same; a second temperature has one of its own too."""
    one, two = Channel("oven/a", "temperature"), Channel("oven/b", "temperature")
    names = named(one, two, Channel("oven/c", "humidity"))
    things = {name: each.thing for name, each in names.places.items()}
    oven = make_tuid(DEVICE_PREFIX, "gw/oven")
    assert things["oven/a"] == things["oven/c"] == oven != things["oven/b"]  # type: ignore[index]  # Plain text will do.
    assert names.devices[oven] == frozenset({"oven"})
    assert names.devices[names.gateway] == frozenset()
    assert [each.channel for each in names.places_of(oven)] == ["oven/a", "oven/c"]


def test_the_gateway_relays_all_but_itself() -> None:
    """A device may be the gateway itself, if its owner says so."""
    names = named(Channel("pi/t", "temperature"), gateway_tuid="GW", things={"pi": "GW"})
    assert names.places[ChannelId("pi/t")].thing == "GW"
    assert names.relayed_by("GW") == ""
    assert names.relayed_by("OTHER") == "GW"


def test_the_owners_word_goes_before() -> None:
    """Thing, message and field, scale and offset, or not at all."""
    channel = Channel("a/in", "count")
    entry = SensorEntry(thing="T", message=13103, field="in", scale=2, offset=1)
    mine = place(channel, sensors={"a/in": entry})
    assert (mine.thing, mine.message, mine.field) == ("T", 13103, "in")
    assert (mine.scale, mine.offset) == (2, 1)
    assert not named(channel, sensors={"a/in": SensorEntry(skip=True)}).places


def test_outputs_have_names_for_commands() -> None:
    """Their own, or the owner's; a skipped one cannot be driven."""
    relay = Channel("pump/relay", "switch", access=Access.WRITE)
    assert place(relay).field == "relay"
    mine = place(relay, actuators={"pump/relay": OutputEntry(id="main", led="blink")})
    assert (mine.field, mine.led, mine.is_output) == ("main", "blink", True)
    assert not named(relay, actuators={"pump/relay": OutputEntry(skip=True)}).places


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        ({"gateway_tuid": "gw-1"}, "no TUID"),
        ({"things": {"a": "lower"}}, "no TUID"),
        ({"things": {"b": "T"}}, "no device is called 'b'"),
        ({"sensors": {"a/z": SensorEntry()}}, "no channel is called 'a/z'"),
        ({"sensors": {"a/r": SensorEntry()}}, "does not belong into sensors"),
        ({"actuators": {"a/t": OutputEntry()}}, "does not belong into actuators"),
        ({"sensors": {"a/t": SensorEntry(thing="x")}}, "no TUID"),
        (
            {"actuators": {name: OutputEntry(led="pulse") for name in ("a/r", "a/q")}},
            "another output as its LED",
        ),
        ({"sensors": {"a/t": SensorEntry(message=1500, field="reportInterval")}}, "no message"),
        ({"sensors": {"a/t": SensorEntry(message=12100, field="tmp")}}, "airp, humd, lght, temp"),
        (
            {"sensors": {"a/u": SensorEntry(thing="T")}, "things": {"a": "T"}},
            "a/t and a/u are both temp in message 12100",
        ),
    ],
)
def test_what_cannot_be_is_told(owner: dict[str, Any], why: str) -> None:
    """By `gatewayd check`, before anything runs."""
    channels = (
        Channel("a/t", "temperature"),
        Channel("a/u", "temperature"),
        Channel("a/r", "switch", access=Access.WRITE),
        Channel("a/q", "switch", access=Access.WRITE),
    )
    with pytest.raises(ConfigError, match=why):
        named(*channels, **owner)
