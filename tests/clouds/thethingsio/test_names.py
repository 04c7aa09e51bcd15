"""What thethings.iO calls our channels: by the owner's word, or by themselves."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thethingsio.codec import KEY_LENGTH_MAX
from gatewayd.clouds.thethingsio.names import NameEntry, Resource, Rules, name_channels
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId

IN = Channel("a/in", "temperature", "Cel")
OUT = Channel("a/out", "switch", access=Access.WRITE)
OTHER = Channel("b/in", "count")
RULES = Rules(quality="_q")


def channels(*given: Channel) -> dict[ChannelId, Channel]:
    return {ChannelId(channel.id): channel for channel in given}


def named(channel: Channel, rules: Rules = RULES, **entry: object) -> Resource:
    table = {channel.id: NameEntry(**entry)} if entry else {}  # type: ignore[arg-type]  # Test data.
    tables = ({}, table) if channel.access is Access.WRITE else (table, {})
    return name_channels(channels(channel), *tables, rules)[ChannelId(channel.id)]


def test_an_unmapped_channel_is_called_by_its_name() -> None:
    """Device, dot, channel; what a resource may not be called is an underscore."""
    resource = named(IN)
    assert (resource.report, resource.quality, resource.command) == ("a.in", "a.in_q", "")
    assert named(Channel("räum 1/x/y", "count")).report == "r_um_1.x.y"


def test_alarms_and_switches_are_events_and_values_are_not() -> None:
    """What is reported at once is told by the kind."""
    kinds = ("alarm", "switch", "temperature")
    assert [named(Channel("a/x", kind)).is_event for kind in kinds] == [True, True, False]


def test_an_output_has_resources_of_its_own_for_each_direction() -> None:
    """What commands it is never what it reports."""
    assert named(OUT).keys == ("a.out_state", "a.out_state_q", "a.out", "a.out_ack")
    assert named(OUT, key="relay1").keys == (
        "relay1_state",
        "relay1_state_q",
        "relay1",
        "relay1_ack",
    )
    assert named(OUT, key="set", report="is").keys == ("is", "is_q", "set", "set_ack")


def test_qualities_need_no_resource() -> None:
    """Where the owner does not want them."""
    assert named(IN, Rules()).keys == ("a.in",)


def test_values_go_out_in_the_unit_that_the_owner_wants() -> None:
    """A key has no unit of its own at thethings.iO; by default it is the channel's."""
    pressure = Channel("a/p", "pressure", "Pa")
    assert (named(pressure).scale, named(pressure).is_plain) == (1.0, True)
    assert named(pressure, unit="hPa").scale == pytest.approx(0.01)
    assert (named(pressure, scale=2.0).scale, named(pressure, offset=1.0).offset) == (2.0, 1.0)
    assert named(Channel("a/k", "temperature", "K"), unit="Cel").offset == -273.15


@pytest.mark.parametrize(
    ("channel", "entry"),
    [
        (IN, {"unit": "bar"}),
        (IN, {"unit": "Cel", "scale": 2.0}),
        (IN, {"report": "x"}),
        (OUT, {"scale": 2.0}),
        (OUT, {"key": "x", "report": "x"}),
        (OUT, {"report": "a.out"}),
        (OUT, {"report": "a.out_ack"}),
        (IN, {"key": "a b"}),
        (IN, {"key": "$geo"}),
        (IN, {"key": "x" * KEY_LENGTH_MAX}),
    ],
)
def test_what_cannot_be_is_the_owners_mistake(channel: Channel, entry: dict[str, object]) -> None:
    """Units that do not fit, names that are none, one name for both directions."""
    with pytest.raises(ConfigError):
        named(channel, RULES, **entry)


@pytest.mark.parametrize("key", ["a.out", "a.out_state", "a.out_ack", "a.out_state_q", "LWT"])
def test_two_channels_cannot_share_a_resource(key: str) -> None:
    """A sensor that writes what commands an output would move it."""
    rules = Rules(quality="_q", taken=["LWT"])
    with pytest.raises(ConfigError, match="same resource"):
        name_channels(channels(IN, OUT), {"a/in": NameEntry(key=key)}, {}, rules)


def test_channels_can_be_left_out() -> None:
    """One by one, or all but some devices'."""
    table = channels(IN, OUT, OTHER)
    assert list(name_channels(table, {"a/in": NameEntry(skip=True)}, {}, RULES)) == [
        "a/out",
        "b/in",
    ]
    assert list(name_channels(table, {}, {}, Rules(["b"]))) == ["b/in"]
    with pytest.raises(ConfigError, match="no device"):
        name_channels(table, {}, {}, Rules(["c"]))


def test_entries_belong_to_channels_of_their_kind() -> None:
    """A name for nothing, or for the wrong side, is a typing error."""
    table = channels(IN, OUT)
    for sensors, actuators in (({"a/x"}, set()), ({"a/out"}, set()), (set(), {"a/in"})):
        with pytest.raises(ConfigError):
            name_channels(
                table,
                {name: NameEntry() for name in sensors},
                {name: NameEntry() for name in actuators},
                RULES,
            )
