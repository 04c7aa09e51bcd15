"""From real kernel interfaces through the whole daemon into the cloud, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.board.board import Board
from tests.board.guest import until as wait
from tests.board.receiver import plugged
from tests.live.daemon import until

pytestmark = [pytest.mark.board, pytest.mark.asyncio(loop_scope="session")]

SEEN_S = 30.0
"""Sampled each second, sent at once; an emulated machine on a busy host takes its time."""

AGAIN_S = 90.0
"""The longest wait between two attempts is a minute."""


NOBODY = ("timeout", "absent")
"""A chip that does not acknowledge: a CP2112 calls it ETIMEDOUT, most adapters by other names."""


async def wait_value(board: Board, channel: str, value: float, deadline_s: float = SEEN_S) -> None:
    """Wait until the cloud's newest value of a channel is this one."""
    expected: Any = pytest.approx(value, abs=0.01)
    values = board.cloud.values
    await until(lambda: values(channel)[-1:] == [expected], f"{channel} is {value}", deadline_s)


async def wait_gap(board: Board, channel: str, *qualities: str) -> None:
    """Wait until the cloud knows that a channel has no value; the record has the reason."""
    await until(lambda: board.cloud.word(channel) == "err", f"{channel} has a gap", SEEN_S)
    assert await board.quality(channel) in qualities


@asynccontextmanager
async def pulled(board: Board) -> AsyncIterator[None]:
    """Have the I²C and GPIO adapter out of its socket for a while."""
    await board.order("plug", **{"in": False})
    try:
        yield
    finally:
        await board.order("plug", **{"in": True})
        await wait(board.is_bound, "the kernel has it again")


@asynccontextmanager
async def deaf(board: Board) -> AsyncIterator[None]:
    """Have no Bluetooth adapter for a while."""
    await board.guest.sh("systemctl stop btattach")
    try:
        yield
    finally:
        await board.attach_radio()


async def test_a_sensors_change_is_seen_in_the_cloud(board: Board) -> None:
    """What the chips on the bus are made to measure is what the cloud gets."""
    await wait_value(board, "climate/temperature", 25.08)
    for celsius in (37.5, -12.0):
        await board.measure("cabinet", temperature_c=celsius)
        await board.measure("attic", temperature_c=celsius, humidity_percent=50 + celsius)
        await wait_value(board, "cabinet/temperature", celsius)
        await wait_value(board, "attic/temperature", celsius)
        await wait_value(board, "attic/humidity", 50 + celsius)


async def test_a_chip_of_the_kernels_is_read_through_its_files(board: Board) -> None:
    """The stock lm75 driver has it; its hwmon files are what the daemon reads."""
    for celsius in (-3.5, 8.0):
        await board.measure("outside", temperature_c=celsius)
        await wait_value(board, "outside/temperature", celsius, AGAIN_S)


async def test_a_chip_that_goes_and_returns_is_a_gap_with_a_reason(board: Board) -> None:
    """Nobody acknowledges at its address; its neighbours go on. Then it is back."""
    await board.remove("climate")
    await wait_gap(board, "climate/temperature", *NOBODY)
    assert "0x76" in (await board.edge("climate"))["reason"]
    await board.measure("cabinet", temperature_c=4.5)
    await wait_value(board, "cabinet/temperature", 4.5)
    await board.solder("climate")
    cloud = board.cloud
    await until(lambda: cloud.word("climate/temperature") == "on", "the gap is over", AGAIN_S)


async def test_a_relay_is_switched_from_the_cloud(board: Board) -> None:
    """The answer says that it was read back, and the chip behind the kernel sees the level."""
    assert not await board.is_relay_driven()
    for command, value in (("on", 1), ("off", 0)):
        status, body = await board.cloud.control("pump/relay", command)
        assert (status, body["data"]["result"]["value"]) == (200, value)
        assert body["data"]["result"]["verified"]
        assert await board.is_relay_driven() == bool(value)


async def test_an_adapter_that_is_pulled_and_put_back_is_used_again(board: Board) -> None:
    """Its bus and its lines go and come back. No command is ever said to be done that is not,
    though the kernel itself takes values for lines that are gone.
    """
    await board.cloud.control("pump/relay", "on")
    async with pulled(board):
        await wait_gap(board, "cabinet/temperature", *NOBODY)
    await board.measure("cabinet", temperature_c=1.5)
    await wait_value(board, "cabinet/temperature", 1.5, AGAIN_S)
    assert not await board.is_relay_driven(), "it was without power"

    async def is_on() -> bool:
        status, _ = await board.cloud.control("pump/relay", "on")
        assert await board.is_relay_driven() == (status == 200)
        return status == 200

    await wait(is_on, "the relay can be switched again", AGAIN_S)
    assert await board.unit("NRestarts") == "0"


async def test_a_receiver_is_heard_again_after_it_was_unplugged(board: Board) -> None:
    """The gap has a reason, the others do not notice, and readings go on by themselves."""
    receiver = board.receiver
    receiver.satellites = 5
    async with plugged(board.usb, receiver):
        await wait_value(board, "gps/satellites", 5, AGAIN_S)
        assert board.cloud.values("gps/location")[-1] == {
            "lat": pytest.approx(48.1173),
            "lng": pytest.approx(11.5166667),
            "alt": 545.4,
        }
    await wait_gap(board, "gps/satellites", "absent")
    assert "usb-QEMU" in (await board.edge("gps"))["reason"]
    await board.measure("cabinet", temperature_c=2.5)
    await wait_value(board, "cabinet/temperature", 2.5)
    receiver.satellites = 6
    async with plugged(board.usb, receiver):
        await wait_value(board, "gps/satellites", 6, AGAIN_S)
    assert await board.unit("NRestarts") == "0"


async def test_a_tag_is_heard_until_it_is_silent_and_then_again(board: Board) -> None:
    """Through the stock bluetoothd: what it advertises, the gap when it stops, and its return."""
    for celsius in (25.0, -7.25):
        await board.tag.measure(celsius, 50.55)
        await wait_value(board, "tag/temperature", celsius, AGAIN_S)
    await wait_value(board, "tag/humidity", 50.55)
    await board.tag.be_silent()
    await wait_gap(board, "tag/temperature", "timeout")
    await board.tag.measure(3.0, 60.0)
    await wait_value(board, "tag/temperature", 3.0, AGAIN_S)


async def test_a_radio_that_is_pulled_and_put_back_hears_again(board: Board) -> None:
    """The adapter goes from under bluetoothd; with the next one the tag is heard by itself."""
    async with deaf(board):
        await wait_gap(board, "tag/temperature", "absent")
    await board.tag.measure(4.0, 60.0)
    await wait_value(board, "tag/temperature", 4.0, AGAIN_S)
