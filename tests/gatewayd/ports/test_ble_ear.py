"""One listener's queue: in order, bounded, silent, ended."""

from __future__ import annotations

import pytest

from gatewayd.errors import DeviceAbsent, DeviceTimeout
from gatewayd.ports.ble_advertisement import Advertisement, Wish
from gatewayd.ports.ble_ear import QUEUE_MAX, Ear
from gatewayd.testing.simulated import simulated

ADDRESS = "A4:C1:38:12:34:56"


def heard(rssi: int) -> Advertisement:
    return Advertisement(ADDRESS, rssi=rssi)


@simulated
async def test_what_is_heard_comes_in_its_order() -> None:
    """Also when it waited."""
    ear = Ear(Wish(ADDRESS))
    for rssi in (-1, -2):
        ear.hear(heard(rssi))
    assert [(await ear.wait_next(1.0)).rssi for _ in range(2)] == [-1, -2]


@simulated
async def test_the_oldest_is_dropped_and_counted_when_nobody_takes_it() -> None:
    """What is told is fresh."""
    ear = Ear(Wish(ADDRESS))
    for rssi in range(QUEUE_MAX + 3):
        ear.hear(heard(rssi))
    assert (await ear.wait_next(1.0)).rssi == 3
    assert ear.dropped == 3


@simulated
async def test_silence_has_an_end_and_says_whose() -> None:
    """And listening may go on after it."""
    ear = Ear(Wish(ADDRESS))
    with pytest.raises(DeviceTimeout, match=f"{ADDRESS}: not heard for 30 s"):
        await ear.wait_next(30.0)
    ear.hear(heard(-1))
    assert (await ear.wait_next(30.0)).rssi == -1


@simulated
async def test_the_end_comes_after_what_was_heard_before() -> None:
    """And again for whoever asks again."""
    ear = Ear(Wish())
    ear.hear(heard(-1))
    ear.fail(DeviceAbsent("the adapter was removed"))
    assert (await ear.wait_next(None)).rssi == -1
    for _ in range(2):
        with pytest.raises(DeviceAbsent, match="removed"):
            await ear.wait_next(None)
