"""A satellite receiver: sentences decoded purely, and a talking peer on a real pty."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.serial import nmea as module
from drivers.serial.nmea import Config, Log, describe, open_driver, recognise
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality, Value
from gatewayd.ports import Ports
from tests.peers.pty import plugged

DEADLINE_S = 5.0

GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"
"""The two examples of every NMEA text; 1994 is before any date that this gateway believes."""

PLACE = {"lat": 48.1173, "lng": 11.5166667}


def sentence(body: str) -> bytes:
    """Return `$body*HH` with its checksum."""
    total = 0
    for byte in body.encode():
        total ^= byte
    return f"${body}*{total:02X}".encode()


def _gga(clock: str = "120000.00", quality: int = 1) -> bytes:
    return sentence(f"GNGGA,{clock},4807.038,N,01131.000,E,{quality},08,0.9,545.4,M,46.9,M,,")


def _rmc(clock: str = "120000.00", day: str = "010927", status: str = "A") -> bytes:
    return sentence(f"GNRMC,{clock},{status},4807.038,N,01131.000,E,010.0,084.4,{day},,,A")


def _ms(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]  # Year to second.


def _by_name(measurements: Sequence[Measurement]) -> dict[str, Value | None]:
    return {each.channel: each.value for each in measurements}


def test_a_position_is_decoded() -> None:
    """Source: NMEA 0183, the GGA example."""
    assert _by_name(Log().hear(GGA)) == {
        "location": {**PLACE, "alt": 545.4},
        "hdop": 0.9,
        "satellites": 8,
    }


def test_speed_and_course_are_decoded() -> None:
    """Knots become metres a second; the place without height stands in where no GGA comes."""
    assert _by_name(Log().hear(RMC)) == {"location": PLACE, "speed": 11.524, "course": 84.4}


def test_south_and_west_are_negative() -> None:
    """A receiver in Chile."""
    heard = Log().hear(sentence("GPGGA,1,3330.000,S,07040.000,W,1,04,1.0,500,M,,M,,"))
    assert heard[0].value == {"lat": -33.5, "lng": -70.6666667, "alt": 500.0}


def test_the_place_comes_from_one_sentence_only() -> None:
    """Two places a second, one with height and one without, would be noise."""
    log = Log()
    log.hear(_gga())
    assert "location" not in _by_name(log.hear(_rmc()))


def test_without_a_fix_there_is_a_reason_and_no_place() -> None:
    """Never the last place, never zero."""
    log = Log()
    (place, hdop, satellites) = log.hear(sentence("GNGGA,,,,,,0,00,99.99,,,,,,"))
    assert (place.value, place.quality) == (None, Quality.ABSENT)
    assert (hdop.value, satellites.value) == (None, 0)
    assert [each.quality for each in log.hear(_rmc(status="V"))] == [Quality.ABSENT] * 2


def test_an_estimated_place_is_uncertain() -> None:
    """Dead reckoning in a tunnel."""
    assert Log().hear(_gga(quality=6))[0].quality is Quality.UNCERTAIN


def test_an_empty_course_is_absent() -> None:
    """A receiver that stands still knows no course; its speed is good."""
    (_, speed, course) = Log().hear(
        sentence("GNRMC,120000,A,4807.038,N,01131.000,E,0.0,,010927,,,A")
    )
    assert (speed.value, course.value, course.quality) == (0.0, None, Quality.ABSENT)


def test_the_satellites_date_what_they_measure() -> None:
    """RMC says the date, GGA the time of day alone."""
    log = Log()
    assert log.hear(_gga())[0].time_ms is None
    assert log.hear(_rmc("120001.50"))[0].time_ms == _ms(2027, 9, 1, 12, 0, 1) + 500
    assert log.hear(_gga("120002.00"))[0].time_ms == _ms(2027, 9, 1, 12, 0, 2)


def test_zda_says_the_date_too() -> None:
    """Receivers for clocks send it."""
    log = Log()
    assert log.hear(sentence("GPZDA,120000.00,01,09,2027,00,00")) == ()
    assert log.hear(_gga("120001"))[0].time_ms == _ms(2027, 9, 1, 12, 0, 1)


@pytest.mark.parametrize(
    ("dated", "undated", "expected"),
    [
        ("235959", "000000", _ms(2027, 9, 2, 0, 0, 0)),
        ("000000", "235959", _ms(2027, 8, 31, 23, 59, 59)),
        ("235959", "235959", _ms(2027, 9, 1, 23, 59, 59)),
    ],
)
def test_midnight_does_not_jump_by_a_day(dated: str, undated: str, expected: int) -> None:
    """A GGA from the other side of midnight falls on its own day."""
    log = Log()
    log.hear(_rmc(dated))
    assert log.hear(_gga(undated))[0].time_ms == expected


@pytest.mark.parametrize("day", ["230394", "010910"])
def test_a_date_of_the_past_is_not_believed(day: str) -> None:
    """A receiver whose week counter rolled over leaves the dating to the gateway."""
    log = Log()
    assert {each.time_ms for each in log.hear(_rmc(day=day))} == {None}
    assert log.hear(_gga())[0].time_ms is None


@pytest.mark.parametrize(
    "line",
    [
        GGA[:-1] + b"8",
        GGA[:-3],
        GGA[:30],
        b"",
        b"hello",
        b"\xff\x00\xfe",
        sentence("GPGGA,120000,9907.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"),
        sentence("GPGGA,120000,x,N,y,E,1,08,0.9,545.4,M,46.9,M,,"),
        sentence("GPRMC,120000,A,,,,,1.0,1.0,010927,,,A"),
    ],
)
def test_junk_is_malformed(line: bytes) -> None:
    """A wrong checksum, a piece, another language, a place that is none."""
    with pytest.raises(Malformed):
        Log().hear(line)


@given(some.binary(max_size=120))
def test_random_bytes_are_malformed_or_nothing(line: bytes) -> None:
    """Whatever comes in, nothing else is raised."""
    for each in (line, b"$GPGGA," + line):
        with suppress(Malformed):
            assert Log().hear(each) == ()


@given(
    some.sampled_from(["GPGGA", "GNRMC", "GPZDA", "GPGSV"]),
    some.lists(some.sampled_from(["", "1", "-1", "A", "N", "nan", "1e9", "4807.0", "é"])),
)
def test_sentences_of_any_fields_are_read_or_malformed(kind: str, fields: list[str]) -> None:
    """A right checksum proves nothing about the fields."""
    try:
        heard = Log().hear(sentence(",".join([kind, *fields])))
    except Malformed:
        return
    names = {channel.id for channel in describe(Config(port="x"))}
    for each in heard:
        assert each.channel in names
        assert (each.value is None) == (not each.quality.has_value)


async def test_a_talking_receiver_is_heard() -> None:
    """Junk between its sentences is skipped and counted."""
    with plugged() as pty:
        async with open_driver(Config(port=pty.path), Ports()) as receiver:
            pty.write(b"\r\n".join([_gga(), b"$GPGGA,bro\x00ken", GGA[:-1] + b"0", _rmc(), b""]))
            async with aclosing(receiver.measurements()) as stream:  # type: ignore[type-var]  # Is one.
                async with asyncio.timeout(DEADLINE_S):
                    first, second = await anext(stream), await anext(stream)
            assert first[0].value == {**PLACE, "alt": 545.4}
            assert [each.channel for each in second] == ["speed", "course"]
            assert receiver.rejects == 2


async def test_a_receiver_that_falls_silent_is_a_timeout() -> None:
    """A cable cut on the receiver's side makes no error but silence."""
    with plugged() as pty:
        async with open_driver(Config(port=pty.path, silence=0.05), Ports()) as receiver:
            with pytest.raises(DeviceTimeout, match="silent"):
                await anext(aiter(receiver.measurements()))


async def test_an_unplugged_receiver_is_absent() -> None:
    """Its line is gone."""
    with plugged() as pty:
        async with open_driver(Config(port=pty.path), Ports()) as receiver:
            pty.unplug()
            with pytest.raises(DeviceAbsent):
                await anext(aiter(receiver.measurements()))


async def test_another_device_on_the_line_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are never NMEA are told, not skipped for ever."""
    monkeypatch.setattr(module, "REJECTS_MAX", 3)
    with plugged() as pty:
        async with open_driver(Config(port=pty.path), Ports()) as receiver:
            pty.write(b"a\nb\nc\n")
            with pytest.raises(DeviceFault, match="3 lines in a row"):
                await anext(aiter(receiver.measurements()))


async def test_a_cancelled_listener_leaves_the_line_usable() -> None:
    """Whoever listens next hears the next sentence."""
    with plugged() as pty:
        ports = Ports()
        async with ports.serial(pty.path), open_driver(Config(port=pty.path), ports) as receiver:
            listening = asyncio.ensure_future(anext(aiter(receiver.measurements())))
            await asyncio.wait([listening], timeout=0.02)
            listening.cancel()
            await asyncio.wait([listening])
            pty.write(_gga() + b"\r\n" + _gga() + b"\r\n")
            async with asyncio.timeout(DEADLINE_S):
                assert await anext(aiter(receiver.measurements()))


def test_a_receiver_is_known_by_a_sentence() -> None:
    """With a right checksum; a broken one, or another talker's, is none."""
    evidence = recognise(b"38,N*11\r\n" + GGA + b"\r\n")
    assert evidence is not None
    assert evidence.words == "says $GPGGA of NMEA 0183"
    assert recognise(GGA[:-1] + b"8\r\n") is None
    assert recognise(b"$SDDBT,8.1,f*3E\r\n\xff\x00") is None
