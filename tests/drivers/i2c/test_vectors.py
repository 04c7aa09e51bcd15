"""What the data sheets print, number by number, through the pure decoders alone.

Where a comment says "made up", the numbers come from the formula: a guard against changes, and no
proof.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.i2c import (
    ads1115,
    aht20,
    bh1750,
    htu21d,
    ina219,
    ina226,
    lm75,
    mcp9808,
    mlx90614,
    scd4x,
    scd30,
    sht3x,
    sht4x,
    tmp102,
    tmp117,
)
from drivers.i2c._table import Field, Table
from gatewayd.model import Quality

LM75_9 = lm75.table_of(lm75.Config(port="i2c:1"))
LM75_11 = lm75.table_of(lm75.Config(port="i2c:1", bits=11))
INA219 = ina219._table(ina219.Config(port="i2c:1", shunt_ohm=0.002, current_max_a=32.768))
INA226 = ina226._table(ina226.Config(port="i2c:1", shunt_ohm=0.002, current_max_a=32.768))
SCD30 = scd30.table_of(scd30.Config(port="i2c:1"))
SCD4X = scd4x.table_of(scd4x.Config(port="i2c:1"))
ADS = ads1115.field_of("a", ads1115.Input(pins="0", range_v=4.096))
ADS_FS = replace(ADS, is_void=None)


def field_in(table: Table, name: str) -> Field:
    (found,) = (field for query in table.queries for field in query.fields if field.name == name)
    return found


@pytest.mark.parametrize(
    ("field", "data", "value"),
    [
        # TMP102 data sheet, table 7-2 (12 bits, here left-justified as they are read).
        (field_in(tmp102.TABLE, "temperature"), "7ff0", 127.9375),
        (field_in(tmp102.TABLE, "temperature"), "1900", 25.0),
        (field_in(tmp102.TABLE, "temperature"), "0040", 0.25),
        (field_in(tmp102.TABLE, "temperature"), "ffc0", -0.25),
        (field_in(tmp102.TABLE, "temperature"), "e700", -25.0),
        (field_in(tmp102.TABLE, "temperature"), "c900", -55.0),
        # LM75B data sheet (9 bits): 0FA, 032, 1FF, 1CE, 192.
        (field_in(LM75_9, "temperature"), "7d00", 125.0),
        (field_in(LM75_9, "temperature"), "1900", 25.0),
        (field_in(LM75_9, "temperature"), "ff80", -0.5),
        (field_in(LM75_9, "temperature"), "e700", -25.0),
        (field_in(LM75_9, "temperature"), "c900", -55.0),
        # LM75A: one count of its 11 bits, made up.
        (field_in(LM75_11, "temperature"), "ffe0", -0.125),
        # TMP117 data sheet, table 7-1.
        (field_in(tmp117.TABLE, "temperature"), "3200", 100.0),
        (field_in(tmp117.TABLE, "temperature"), "0c80", 25.0),
        (field_in(tmp117.TABLE, "temperature"), "0001", 0.0078125),
        (field_in(tmp117.TABLE, "temperature"), "ffff", -0.0078125),
        (field_in(tmp117.TABLE, "temperature"), "f380", -25.0),
        (field_in(tmp117.TABLE, "temperature"), "ec00", -40.0),
        (field_in(tmp117.TABLE, "temperature"), "8000", None),
        # MCP9808: made up from equation 5-1.
        (field_in(mcp9808.TABLE, "temperature"), "c190", 25.0),
        (field_in(mcp9808.TABLE, "temperature"), "dff0", -1.0),
        # MLX90614 data sheet §8.4.3.1; bit 15 is an error.
        (field_in(mlx90614.TABLE, "object"), "d23a", 28.01),
        (field_in(mlx90614.TABLE, "object"), "d2ba", None),
        # BH1750 technical note.
        (field_in(bh1750.TABLE, "illuminance"), "8390", 28066.6666667),
        (field_in(bh1750.TABLE, "illuminance"), "0110", 226.666666667),
        # ADS1115 data sheet, table 9-3: full scale, one, nothing, minus one, minus full scale.
        (ADS_FS, "7fff", 4.096 * (1 - 2**-15)),
        (ADS_FS, "8000", -4.096),
        (ADS, "0001", 125e-6),
        (ADS, "0000", 0.0),
        (ADS, "ffff", -125e-6),
        (ADS, "7fff", None),
        (ADS, "8000", None),
        # INA219 data sheet, table 6; INA226 data sheet §7.5. Both: 20 mV, 11.98 V, 10 A, 119.8 W.
        (field_in(INA219, "shunt"), "07d0", 0.02),
        (field_in(INA219, "voltage"), "5d98", 11.98),
        (field_in(INA219, "current"), "2710", 10.0),
        (field_in(INA219, "power"), "1766", 119.8),
        (field_in(INA219, "shunt"), "8300", -0.32),
        (field_in(INA226, "shunt"), "1f40", 0.02),
        (field_in(INA226, "voltage"), "2570", 11.98),
        (field_in(INA226, "current"), "2710", 10.0),
        (field_in(INA226, "power"), "12b8", 119.8),
        (field_in(INA226, "current"), "d8f0", -10.0),
        # HTU21D data sheet: raw values with their status bits.
        (field_in(htu21d.TABLE, "temperature"), "683a", 24.686),
        (field_in(htu21d.TABLE, "humidity"), "4e85", 32.34),
        (field_in(htu21d.TABLE, "humidity"), "0004", 0.0),
        # SHT3x, SHT4x: made up from the formulas; the last is cut at both ends.
        (field_in(sht3x.TABLE, "temperature"), "66668000", 25.0),
        (field_in(sht3x.TABLE, "humidity"), "66668000", 50.0),
        (field_in(sht4x.TABLE, "humidity"), "66675eb9", 40.25),
        (field_in(sht4x.TABLE, "humidity"), "66670000", 0.0),
        (field_in(sht4x.TABLE, "humidity"), "6667ffff", 100.0),
        # AHT20: made up from the formulas.
        (field_in(aht20.TABLE, "humidity"), "1c8000060000", 50.0),
        (field_in(aht20.TABLE, "temperature"), "1c8000060000", 25.0),
        # SCD30 interface description §1.4.5; SCD4x data sheet §3.5.2.
        (field_in(SCD30, "co2"), "43db8c2e41d9e7ff42433a1b", 439.095),
        (field_in(SCD30, "temperature"), "43db8c2e41d9e7ff42433a1b", 27.2383),
        (field_in(SCD30, "humidity"), "43db8c2e41d9e7ff42433a1b", 48.8067),
        (field_in(SCD30, "co2"), "7fc0000041d9e7ff42433a1b", None),
        (field_in(SCD4X, "co2"), "01f466675eb9", 500.0),
        (field_in(SCD4X, "temperature"), "01f466675eb9", 25.0),
        (field_in(SCD4X, "humidity"), "01f466675eb9", 37.0),
    ],
)
def test_a_printed_code_is_the_printed_value(field: Field, data: str, value: float | None) -> None:
    """To the last digit that was printed; None where the chip says that it has no value."""
    measured = field.decode(bytes.fromhex(data))
    assert measured.value == (None if value is None else pytest.approx(value, rel=1e-4, abs=3e-3))
    assert measured.quality.has_value == (value is not None)


TABLES = (
    LM75_9, LM75_11, INA219, INA226, SCD30, SCD4X, aht20.TABLE, bh1750.TABLE, htu21d.TABLE,
    mcp9808.TABLE, mlx90614.TABLE, sht3x.TABLE, sht4x.TABLE, tmp102.TABLE, tmp117.TABLE,
)  # fmt: skip


@given(st.sampled_from(TABLES), st.binary(min_size=18, max_size=18))
def test_any_bytes_are_numbers_or_faults(table: Table, raw: bytes) -> None:
    """No answer makes a decoder crash or return what is no number."""
    for query in table.queries:
        for field in query.fields:
            measured = field.decode(raw)
            assert (measured.value is None) is (measured.quality is Quality.FAULT)
            if measured.value is not None:
                assert isinstance(measured.value, float)
                assert math.isfinite(measured.value)


def test_small_codes_are_exact() -> None:
    """Where a value is smaller than what the table above looks at."""
    assert ADS.decode(b"\x00\x01").value == 125e-6
    assert field_in(tmp117.TABLE, "temperature").decode(b"\x00\x01").value == 0.0078125
    assert field_in(INA219, "shunt").decode(b"\x07\xd0").value == 0.02
