"""What Thinger.io calls our channels: defaults that are always legal, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.names import NAME, Name, NameEntry, name_channels
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId, Value

T, RELAY = ChannelId("boiler room/temp-1"), ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}


def test_who_maps_nothing_gets_legal_names() -> None:
    """Other characters become underscores; a bucket a device."""
    names = name_channels(CHANNELS, {}, {})
    assert names[T] == Name(T, ("boiler_room", "temp_1"), "boiler_room", "temp_1", "temperature")
    assert names[RELAY].is_output


@given(st.from_regex(r"[a-z0-9_.-]{1,60}/[a-z0-9_./-]{1,60}", fullmatch=True))
def test_any_channel_has_a_legal_default(text: str) -> None:
    """Short enough, and never one of the reserved words."""
    channel = ChannelId(text)
    (name,) = name_channels({channel: Channel(channel, "count")}, {}, {}).values()
    assert all(NAME.fullmatch(part) for part in (name.bucket, name.member))
    assert "api" not in name.path
    assert name.path[0] != "gateway"
    assert name.member not in ("ts", "age_s")


def test_one_bucket_for_all_names_the_device_in_the_member() -> None:
    """Or two devices' temperatures would be one."""
    names = name_channels(CHANNELS, {}, {}, bucket="plant")
    assert [(each.bucket, each.member) for each in names.values()] == [
        ("plant", "boiler_room_temp_1"),
        ("plant", "pump_relay"),
    ]


def test_the_owner_names_what_he_likes() -> None:
    """Path, bucket and member; a bucket `-` stores nothing; skip hides all."""
    entry = NameEntry(path="tank/level", bucket="water", member="level")
    names = name_channels(CHANNELS, {T: entry}, {RELAY: NameEntry(bucket="-")})
    assert (names[T].path, names[T].bucket, names[T].member) == (
        ("tank", "level"),
        "water",
        "level",
    )
    assert names[RELAY].bucket == ""
    assert list(name_channels(CHANNELS, {T: NameEntry(skip=True)}, {})) == [RELAY]


@pytest.mark.parametrize(
    "entry",
    [
        NameEntry(path="a b"),
        NameEntry(path="tank/api"),
        NameEntry(path="gateway/x"),
        NameEntry(path="a/b/c/d"),
        NameEntry(path="/a"),
        NameEntry(path="x" * 33),
        NameEntry(bucket="with-hyphen"),
        NameEntry(member="x" * 33),
        NameEntry(unit="bar"),
        NameEntry(unit="Cel", scale=2.0),
    ],
)
def test_an_illegal_entry_is_refused(entry: NameEntry) -> None:
    """Before anything is connected, with the channel's name."""
    with pytest.raises(ConfigError, match="boiler room"):
        name_channels(CHANNELS, {T: entry}, {})


def test_entries_stand_in_their_own_table() -> None:
    """An output is no sensor, and nobody is nobody."""
    nothing: dict[str, NameEntry] = {}
    output, sensor = {str(RELAY): NameEntry()}, {str(T): NameEntry()}
    for sensors, actuators in ((output, nothing), (nothing, sensor)):
        with pytest.raises(ConfigError, match="belong"):
            name_channels(CHANNELS, sensors, actuators)
    with pytest.raises(ConfigError, match="no channel"):
        name_channels(CHANNELS, {"x/y": NameEntry()}, {})
    with pytest.raises(ConfigError, match="own unit"):
        name_channels(CHANNELS, {}, {RELAY: NameEntry(scale=2.0)})


@pytest.mark.parametrize("other", ["boiler room/temp.1", "boiler room/temp_1_quality"])
def test_two_channels_of_one_name_are_refused(other: str) -> None:
    """Which of them would a dashboard show?"""
    second = ChannelId(other)
    channels = {T: CHANNELS[T], second: Channel(second, "temperature")}
    entries: dict[str, NameEntry] = {}
    if other.endswith("quality"):
        entries[T] = NameEntry(member="temp_1")
    with pytest.raises(ConfigError, match="both"):
        name_channels(channels, entries, {})


def test_units_are_converted_for_those_who_ask() -> None:
    """Kelvin to °C; the dust of the multiplication is swept."""
    channel = ChannelId("a/b")
    names = name_channels(
        {channel: Channel(channel, "temperature", "K")}, {channel: NameEntry(unit="Cel")}, {}
    )
    assert names[channel].show(300.0) == 26.85


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**64, -(2**63) - 1, {"lat": math.nan}])
def test_what_cannot_be_sent_is_none(value: Value) -> None:
    """Plain or scaled."""
    for scale in (1.0, 2.0):
        name = Name(T, ("a",), "a", "b", "", scale=scale)
        assert name.show(value) is None or (scale == 2.0 and isinstance(value, int))
    assert Name(T, ("a",), "a", "b", "", scale=1e300).show(1e300) is None
    assert Name(T, ("a",), "a", "b", "", scale=2.0).show(10**400) is None


def test_half_characters_are_replaced() -> None:
    """Neither protocol has bytes for them."""
    assert Name(T, ("a",), "a", "b", "").show("a\ud800") == "a?"
