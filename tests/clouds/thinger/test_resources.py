"""The resources that there are, and their listing in both protocols' forms."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.events import Kind
from gatewayd.clouds.thinger.names import NameEntry, name_channels
from gatewayd.clouds.thinger.resources import is_parent, list_flat, list_nested, make_resources
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId

T, RELAY, SPEED = ChannelId("boiler/t"), ChannelId("pump/relay"), ChannelId("pump/speed")
CHANNELS = {
    T: Channel(T, "temperature"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
    SPEED: Channel(SPEED, "level", access=Access.WRITE),
}
NAMES = name_channels(CHANNELS, {}, {})


def test_every_channel_and_every_device_is_a_resource() -> None:
    """Sensors are outputs, outputs are inputs; only a switch can blink."""
    kinds = {"/".join(path): each.kind for path, each in make_resources(NAMES).items()}
    assert kinds == {
        "gateway": Kind.OUTPUT,
        "gateway/history": Kind.IN_OUT,
        "boiler": Kind.OUTPUT,
        "boiler/t": Kind.OUTPUT,
        "boiler/t/reading": Kind.OUTPUT,
        "pump": Kind.OUTPUT,
        "pump/relay": Kind.INPUT,
        "pump/relay/reading": Kind.OUTPUT,
        "pump/relay/outcome": Kind.OUTPUT,
        "pump/relay/blink": Kind.RUN,
        "pump/speed": Kind.INPUT,
        "pump/speed/reading": Kind.OUTPUT,
        "pump/speed/outcome": Kind.OUTPUT,
    }


def test_only_what_the_owner_allows_can_be_run() -> None:
    """By the owner's names for it."""
    resources = make_resources(NAMES, {"restart", "poweroff", "other"})
    runs = {path[1]: each.action for path, each in resources.items() if each.action}
    assert runs == {"reset": "restart", "poweroff": "poweroff"}


def test_the_nested_listing_has_children_under_a_slash() -> None:
    """A parent that is no resource itself has neither `al` nor `fn`."""
    names = name_channels(CHANNELS, {T: NameEntry(path="tank/upper/t")}, {})
    listing = list_nested(make_resources(names))
    tank = listing["tank"]
    assert isinstance(tank, dict)
    assert tank.keys() == {"/"}
    assert tank["/"]["upper"]["/"]["t"] == {
        "/": {"reading": {"al": 0, "fn": 3}},
        "al": 0,
        "fn": 3,
    }


def test_the_flat_listing_has_paths() -> None:
    """As the newer protocol wants it."""
    assert list_flat(make_resources(NAMES))["pump/relay/blink"] == {"fn": 1}


def test_parents_are_known() -> None:
    """What is above a resource is there, though it does nothing."""
    resources = make_resources(NAMES)
    assert is_parent(resources, ())
    assert is_parent(resources, ("pump", "relay"))
    assert not is_parent(resources, ("pump", "relay", "blink"))


def test_two_resources_of_one_path_are_refused() -> None:
    """A channel named like a device, or like another's child."""
    for path in ("pump", "pump/relay/blink"):
        names = name_channels(CHANNELS, {T: NameEntry(path=path)}, {})
        with pytest.raises(ConfigError, match="two resources"):
            make_resources(names)
