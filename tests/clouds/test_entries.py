"""Entries of an uplink's tables against the channels of the gateway."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gatewayd.clouds.entries import check_devices, check_entries
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId

CHANNELS = {
    ChannelId("a/t"): Channel("t", "temperature", "Cel"),
    ChannelId("a/r"): Channel("r", "switch", access=Access.WRITE),
}


def test_entries_of_channels_in_their_table_are_let_through() -> None:
    """What is measured under sensors, what is set under actuators."""
    check_entries(CHANNELS, ["a/t"], ["a/r"])
    check_entries(CHANNELS, [], [])


@pytest.mark.parametrize(
    ("sensors", "actuators", "words"),
    [
        (["a/z"], [], "sensors: no channel is called 'a/z'"),
        ([], ["b/r"], "actuators: no channel is called 'b/r'"),
        (["a/r"], [], "a/r does not belong into sensors"),
        ([], ["a/t"], "a/t does not belong into actuators"),
    ],
)
def test_an_entry_for_nothing_or_in_the_wrong_table_is_said(
    sensors: Sequence[str], actuators: Sequence[str], words: str
) -> None:
    """With the table and the name as they stand in the file."""
    with pytest.raises(ConfigError, match=words):
        check_entries(CHANNELS, sensors, actuators)


def test_a_device_without_channels_is_said() -> None:
    """With the table that names it."""
    check_devices(CHANNELS, "things", ["a"])
    with pytest.raises(ConfigError, match="things: no device is called 'b'"):
        check_devices(CHANNELS, "things", ["a", "b"])
