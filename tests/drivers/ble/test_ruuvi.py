"""Ruuvi: the maker's own vectors of the formats 3, 5, 6 and E1."""

from __future__ import annotations

import pytest

from drivers.ble import ruuvi as module
from drivers.ble._ruuvi import COMPANY, decode
from drivers.ble.ruuvi import Config, describe, recognise
from gatewayd.errors import Malformed
from gatewayd.model import Quality
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said

ADDRESS = "CB:B8:33:4C:88:4F"
DF3 = "03291A1ECE1EFC18F94202CA0B53"
DF5 = "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"
DF5_MAX = "057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F"
DF5_MIN = "058001000000008001800180010000000000CBB8334C884F"
DF5_INVALID = "058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF"
DF6 = "06170C5668C79E007000C90501D9FFCD004C884F"
DF6_INVALID = "068000FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
E1 = "E1170C5668C79E0065007004BD11CA00C90A0213E0ACFFFFFFDECDEE10FFFFFFFFFFCBB8334C884F"


def ruuvi(data: str) -> Advertisement:
    return said(ADDRESS, company={COMPANY: data})


def climate(temperature: float, humidity: float, pressure: float) -> dict[str, float]:
    return {"temperature": temperature, "humidity": humidity, "pressure": pressure}


def forces(x: float, y: float, z: float) -> dict[str, float]:
    return {"acceleration_x": x, "acceleration_y": y, "acceleration_z": z}


@pytest.mark.parametrize(
    ("data", "values", "sequence"),
    [
        (DF3, climate(26.3, 20.5, 102766) | forces(-1000, -1726, 714) | {"voltage": 2.899}, None),
        (
            "03FF7F63FFFF7FFF7FFF7FFFFFFF",
            climate(127.99, 127.5, 115535) | forces(32767, 32767, 32767) | {"voltage": 65.535},
            None,
        ),
        (
            "0300FF6300008001800180010000",
            climate(-127.99, 0, 50000) | forces(-32767, -32767, -32767) | {"voltage": 0},
            None,
        ),
        (
            DF5,
            climate(24.3, 53.49, 100044)
            | forces(4, -4, 1036)
            | {"voltage": 2.977, "tx_power": 4, "movements": 66},
            205,
        ),
        (
            DF5_MAX,
            climate(163.835, 163.835, 115534)
            | forces(32767, 32767, 32767)
            | {"voltage": 3.646, "tx_power": 20, "movements": 254},
            65534,
        ),
        (
            DF5_MIN,
            climate(-163.835, 0, 50000)
            | forces(-32767, -32767, -32767)
            | {"voltage": 1.6, "tx_power": -40, "movements": 0},
            0,
        ),
        (
            DF6,
            climate(29.5, 55.3, 101102)
            | {"pm2_5": 11.2, "co2": 201, "voc": 10, "nox": 2, "illuminance": 13026.67},
            205,
        ),
        (
            E1,
            climate(29.5, 55.3, 101102)
            | {"pm1": 10.1, "pm2_5": 11.2, "pm4": 121.3, "pm10": 455.4, "co2": 201}
            | {"voc": 20, "nox": 4, "illuminance": 13027},
            14601710,
        ),
    ],
)
def test_the_makers_vectors(data: str, values: dict[str, float], sequence: int | None) -> None:
    """Source: docs.ruuvi.com, data formats 3, 5, 6 and E1, test vectors."""
    frame = decode(bytes.fromhex(data))
    assert frame.values == pytest.approx(values)
    assert frame.sequence == sequence


@pytest.mark.parametrize(("data", "sequence"), [(DF5_INVALID, None), (DF6_INVALID, 255)])
def test_what_is_not_available_is_no_number(data: str, sequence: int | None) -> None:
    """Source: the vectors "invalid values"; format 6 has no invalid number."""
    frame = decode(bytes.fromhex(data))
    assert set(frame.values.values()) == {None}
    assert frame.sequence == sequence


@pytest.mark.parametrize("data", ["", "05", DF5[:-2], DF6[:-2], E1[:-2], DF3[:-2], "04" + DF5[2:]])
def test_a_short_or_unknown_packet_is_refused(data: str) -> None:
    """One byte is missing, or nobody knows the format."""
    with pytest.raises(Malformed):
        decode(bytes.fromhex(data))


def test_a_missing_value_is_absent() -> None:
    """The tag itself says that it has none."""
    told = hear(module, Config(port="ble:0", address=ADDRESS), ruuvi(DF5_INVALID))
    assert told.qualities[0]["temperature"] is Quality.ABSENT


def test_the_smaller_format_is_passed_over_where_the_fuller_one_is_heard() -> None:
    """An Air sends both, for receivers old and new."""
    config = Config(port="ble:0", address=ADDRESS, model="air")
    assert "pm10" not in hear(module, config, ruuvi(DF6)).values[0]
    told = hear(module, config, ruuvi(E1), ruuvi(DF6))
    assert [each.get("voc") for each in told.values] == [20, None]


def test_a_measurement_is_told_once() -> None:
    """A tag repeats each for as long as it has no newer one."""
    told = hear(module, Config(port="ble:0", address=ADDRESS), ruuvi(DF5), ruuvi(DF5))
    assert [len(each) for each in told.values] == [10, 1]
    assert told.repeats == 1


def test_each_model_has_its_channels() -> None:
    """And a scan tells them apart by what is missing."""

    def names(model: str) -> set[str]:
        config = Config(port="ble:0", address=ADDRESS, model=model)  # type: ignore[arg-type]  # One of them.
        return {each.id for each in describe(config)}

    assert names("tag") - names("pro_3in1") == {"pressure"}
    assert names("pro_3in1") - names("pro_2in1") == {"humidity"}
    assert {"co2", "pm10", "nox"} <= names("air")
    no_pressure = DF5[:10] + "FFFF" + DF5[14:]
    no_humidity = DF5[:6] + "FFFFFFFF" + DF5[14:]
    packets = (DF5, no_pressure, no_humidity, E1, DF6)
    models = [found.keys["model"] for each in packets if (found := recognise(ruuvi(each)))]
    assert models == ["tag", "pro_3in1", "pro_2in1", "air", "air"]
    assert recognise(ruuvi("05")) is None
    assert recognise(said(ADDRESS)) is None
