"""P1 telegrams: one captured from a Kaifa meter, others made after the standard."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from drivers.serial._checksums import crc16
from drivers.serial._frames import FrameReader
from drivers.serial.dsmr import (
    FORMAT,
    Config,
    Log,
    describe,
    equipment_of,
    instant_of,
    open_driver,
    recognise,
)
from gatewayd.errors import DeviceFault, DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.frames.serial.vectors import ISKRA, KAIFA
from tests.peers.pty import plugged

METER = "3960221976967177082151037881335713"
CONFIG = Config(port="x", phases=3, meters=("gas",))
GAS_MS = round(datetime(2016, 11, 29, 19, tzinfo=UTC).timestamp() * 1000)


def telegram(*lines: str, crc: bool = True) -> bytes:
    """Return a telegram made after the standard (*syn*)."""
    text = "\r\n".join(["/ISk5\\2MT382-1000", "", *lines, "!"]).encode()
    return text + (b"%04X\r\n" % crc16(text) if crc else b"\r\n")


def values(heard: object) -> dict[str, object]:
    assert isinstance(heard, tuple)
    return {each.channel: each.value for each in heard}


def test_a_captured_telegram_is_read() -> None:
    """Every channel, in its unit; the meter says no voltages, and they are absent."""
    heard = Log(CONFIG).hear(KAIFA)
    assert values(heard) == {
        "energy_in_1": 1581.123,
        "energy_in_2": 1435.706,
        "energy_out_1": 0,
        "energy_out_2": 0,
        "tariff": 2,
        "power_in": 2027,
        "power_out": 0,
        "voltage_l1": None,
        "voltage_l2": None,
        "voltage_l3": None,
        "current_l1": 0,
        "current_l2": 6,
        "current_l3": 2,
        "power_in_l1": 170,
        "power_in_l2": 1247,
        "power_in_l3": 209,
        "power_out_l1": 0,
        "power_out_l2": 0,
        "power_out_l3": 0,
        "equipment": METER,
        "gas": 981.443,
        "gas_equipment": "4819243993373755377509728609491464",
    }
    assert {each.channel for each in heard} == {each.id for each in describe(CONFIG)}
    assert {each.quality for each in heard if each.value is None} == {Quality.ABSENT}


def test_gas_is_told_when_it_is_new_and_dated_by_the_meter() -> None:
    """The telegram repeats it every second, the meter hears of it every hour."""
    log = Log(CONFIG)
    assert Measurement("gas", 981.443, Quality.GOOD, GAS_MS) in log.hear(KAIFA)
    assert not values(log.hear(KAIFA)).keys() & {"gas", "equipment", "gas_equipment"}
    later = KAIFA.replace(b"161129200000W", b"161129210000W")
    assert Measurement("gas", 981.443, Quality.GOOD, GAS_MS + 3_600_000) in log.hear(later)


def test_water_and_heat_are_told_by_the_type_of_their_meter() -> None:
    """Not by the channel of the bus; meters that nobody asked for are passed over (*syn*)."""
    log = Log(Config(port="x", tariffs=1, meters=("water", "heat")))
    heard = log.hear(
        telegram(
            "1-0:1.8.0(000123.456*kWh)",
            "0-1:24.1.0(003)",
            "0-1:24.2.1(260101120000W)(00001.000*m3)",
            "0-2:24.1.0(007)",
            "0-2:24.2.1(260701120000S)(00002.500*m3)",
            "0-4:24.1.0(004)",
            "0-4:24.2.1(260701120000S)(00003.000*GJ)",
        )
    )
    noon_ms = round(datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp() * 1000)
    assert Measurement("water", 2.5, Quality.GOOD, noon_ms) in heard
    assert Measurement("heat", 3.0, Quality.GOOD, noon_ms) in heard
    assert values(heard)["energy_in"] == 123.456
    assert "gas" not in values(heard)


def test_the_gas_line_of_old_meters_is_read() -> None:
    """DSMR 3: unit and value on their own, no letter for summer, no checksum (*syn*)."""
    text = telegram(
        "0-1:24.1.0(03)".replace("03", "003"),
        "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)",
        "(00024.123)",
        crc=False,
    )
    assert FrameReader(FORMAT).feed(text) == [text]
    assert Measurement("gas", 24.123) in Log(CONFIG).hear(text)


def test_a_telegram_of_a_version_that_has_a_checksum_must_have_it() -> None:
    """Otherwise a cut-off checksum would be taken for an old meter's none."""
    assert not FrameReader(FORMAT).feed(KAIFA.replace(b"!6796", b"!"))


def test_another_meter_is_a_fault() -> None:
    """Cables get swapped."""
    assert Log(Config(port="x", equipment=METER)).hear(KAIFA)
    with pytest.raises(DeviceFault, match=f"of meter {METER}, not E0001"):
        Log(Config(port="x", equipment="E0001")).hear(KAIFA)


def test_equipment_ids_are_readable() -> None:
    """Hexadecimal of letters and digits, or as it stands."""
    assert equipment_of("4B384547303034303436333935353037") == "K8EG004046395507"
    assert equipment_of("xyz") == "xyz"
    assert equipment_of(METER) == METER


@pytest.mark.parametrize("text", ["", "161129200000", "991332256199W", "16112920000W", "W" * 13])
def test_what_is_no_instant_is_undated(text: str) -> None:
    """The gateway dates it."""
    assert instant_of(text) is None


def test_a_p1_port_is_known_by_its_telegram() -> None:
    """In the middle of another one; and nothing else is taken for one."""
    evidence = recognise(KAIFA[500:] + KAIFA)
    assert evidence is not None
    assert evidence.words == "a P1 telegram of KFM5KAIFA-METER"
    assert recognise(ISKRA) is None
    assert recognise(KAIFA[:-20]) is None


async def test_a_meter_is_listened_to() -> None:
    """Real pyserial over a pty; the telegram that was cut off is passed over; silence is told."""
    with plugged() as pty:
        config = Config(port=pty.path, silence=0.3)
        async with open_driver(config, Ports()) as meter:
            spoken = aiter(meter.measurements())
            pty.write(KAIFA[400:] + KAIFA)
            async with asyncio.timeout(5.0):
                assert values(await anext(spoken))["power_in"] == 2027
            assert meter.reader.noise == len(KAIFA) - 400
            with pytest.raises(DeviceTimeout):
                await anext(spoken)
