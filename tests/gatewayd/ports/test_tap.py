"""The tap between a driver and its wires."""

from __future__ import annotations

import asyncio

import pytest

from drivers.i2c import bme280
from drivers.serial import nmea
from gatewayd.errors import DeviceAbsent
from gatewayd.ports.tap import FRAMES_MAX, LISTENING_S, Tap
from gatewayd.testing.i2c import bme280_chip
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.simulated import simulated

CONFIG = bme280.Config(port="i2c:1")
GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"


def ports_with_chip() -> FakePorts:
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x76] = bme280_chip()
    return ports


@simulated
async def test_the_opening_is_kept_though_nobody_listens() -> None:
    """A later frame means nothing without the calibration; reads of an idle day are not kept."""
    tap = Tap()
    with tap.opened():
        scope = bme280.open_driver(CONFIG, tap.ports(ports_with_chip()))
        sensor = await scope.__aenter__()
    await sensor.read()
    assert [frame.call for frame in tap.opening] == ["transfer"] * 3
    assert tap.opening[0].wire == "i2c('i2c:1')"
    assert tap.opening[0].given == {"": [0x76, {"hex": "d0"}, 1]}
    assert tap.opening[0].told == {"hex": "60"}
    assert tap.fetch() == []
    await scope.__aexit__(None, None, None)


@simulated
async def test_while_somebody_listens_every_call_is_noted_with_its_answer() -> None:
    """Writes have no answer; the last transfer has the burst."""
    tap = Tap()
    async with bme280.open_driver(CONFIG, tap.ports(ports_with_chip())) as sensor:
        tap.listen()
        await sensor.read()
        frames = tap.fetch()
    assert [(frame.call, frame.told is None) for frame in frames] == [
        ("write", True),
        ("write", True),
        ("transfer", False),
    ]


@simulated
async def test_an_error_is_noted_too_and_still_raised() -> None:
    """The recording of a fault is the one that people send."""
    tap = Tap()
    tap.listen()
    ports = FakePorts()
    ports.attach_i2c("i2c:1")
    with pytest.raises(DeviceAbsent):
        async with bme280.open_driver(CONFIG, tap.ports(ports)):
            pass
    (frame,) = tap.fetch()
    assert frame.error is not None and frame.error[0] == "DeviceAbsent"


@simulated
async def test_what_a_line_says_unasked_is_noted_as_it_comes() -> None:
    """A stream that began before anybody listened is heard from then on."""
    tap, ports = Tap(), FakePorts()
    line = ports.attach_serial("/dev/gps")
    async with nmea.open_driver(nmea.Config(port="/dev/gps"), tap.ports(ports)) as gps:
        said = gps.measurements()
        line.say(GGA)
        await anext(said)
        tap.listen()
        line.say(GGA)
        await anext(said)
    (frame,) = tap.fetch()
    assert (frame.how, frame.told) == ("item", {"hex": GGA.strip(b"\n").hex()})


@simulated
async def test_who_does_not_come_back_is_not_waited_for() -> None:
    """A verb that was killed leaves no cost behind."""
    tap = Tap()
    async with bme280.open_driver(CONFIG, tap.ports(ports_with_chip())) as sensor:
        tap.listen()
        await asyncio.sleep(LISTENING_S + 1)
        await sensor.read()
        assert tap.fetch() == []


@simulated
async def test_frames_that_nobody_fetches_are_counted() -> None:
    """The oldest go."""
    tap, ports = Tap(), FakePorts()
    ports.attach_i2c("i2c:1").chips[0x76] = bme280_chip()
    async with tap.ports(ports).i2c("i2c:1") as bus:
        tap.listen()
        for _ in range(FRAMES_MAX + 3):
            await bus.write(0x76, b"\xf4\x00")
        assert (len(tap.fetch()), tap.dropped) == (FRAMES_MAX, 3)


@simulated
async def test_a_cancelled_call_is_no_frame() -> None:
    """Nothing crossed that anybody saw."""
    tap, ports = Tap(), ports_with_chip()
    async with tap.ports(ports).i2c("i2c:1") as bus:
        tap.listen()
        ports.gate.shut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await bus.read(0x76, 1)
        ports.gate.open()
        assert tap.fetch() == []
