"""The engine under the chips that are tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.i2c._table import Chip, Command, Field, Poll, Query, Table, TableSensor
from gatewayd.errors import DeviceAbsent, DeviceTimeout
from gatewayd.model import Quality
from gatewayd.ports.i2c import I2cPort
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c_models import BareChip, CommandChip, WordChip
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.wires import FakeI2c


@pytest.fixture
def ports() -> FakePorts:
    return FakePorts()


@pytest.fixture
def bus(ports: FakePorts) -> FakeI2c:
    return ports.attach_i2c("i2c:1")


def on(bus: FakeI2c) -> I2cPort:
    return bus  # type: ignore[return-value]  # The same surface and none of the inside.


@given(
    st.integers(1, 64),
    st.integers(0, 12),
    st.booleans(),
    st.sampled_from(["big", "little"]),
    st.data(),
)
def test_any_number_put_into_its_bits_comes_out(
    bits: int, shift: int, is_signed: bool, order: str, data: st.DataObject
) -> None:
    """Whatever stands in the bits around it."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
    number = data.draw(st.integers(max(low, -(1 << 39)), min(high, 1 << 39)))
    field = Field(
        name="x",
        kind="count",
        start=1,
        bits=bits,
        shift=shift,
        is_signed=is_signed,
        order="big" if order == "big" else "little",
    )
    around = data.draw(st.integers(0, (1 << 8 * field.size) - 1))
    mask = ((1 << bits) - 1) << shift
    word = around & ~mask | (number << shift) & mask
    raw = word.to_bytes(field.size, "big" if order == "big" else "little")
    assert field.decode(b"\xa5" + raw + b"\x5a").value == pytest.approx(number, rel=1e-11)


@given(st.binary(min_size=4, max_size=4))
def test_a_float_is_a_number_or_a_fault(raw: bytes) -> None:
    """No bytes from the wire become an infinite value, or one that is no number."""
    measured = Field(name="x", kind="count", is_float=True).decode(raw)
    if measured.quality is Quality.GOOD:
        assert isinstance(measured.value, float)
        assert math.isfinite(measured.value)
    else:
        assert measured.value is None


def test_decimal_fractions_stay_decimal() -> None:
    """3 · 0.1 is 0.3 for whoever reads the record."""
    assert Field(name="x", kind="count", scale=0.1).decode(b"\x00\x03").value == 0.3


def test_a_register_is_read_with_a_repeated_start(bus: FakeI2c) -> None:
    """No wait, no STOP: nobody comes between the pointer and the read."""
    bus.chips[0x48] = WordChip({7: 0x1234})

    async def main() -> None:
        assert await Chip(on(bus), 0x48).register(7) == 0x1234

    run_simulated(main())
    assert bus.log == [(0x48, "w", b"\x07"), (0x48, "r", b"\x12\x34")]


@pytest.mark.parametrize(("late", "is_there"), [(0, True), (3, True), (4, False)])
def test_a_read_that_is_not_acknowledged_is_tried_as_often_as_said(
    bus: FakeI2c, late: int, is_there: bool
) -> None:
    """Some chips say "not yet" that way; one that never answers is absent."""
    chip = bus.chips[0x44] = CommandChip({b"\xfd": b"\x01\x02"})
    chip.late = late
    query = Query(write=b"\xfd", wait_s=0.01, count=2, polls=3)

    async def main() -> None:
        if is_there:
            assert await Chip(on(bus), 0x44).ask(query) == b"\x01\x02"
        else:
            with pytest.raises(DeviceAbsent):
                await Chip(on(bus), 0x44).ask(query)

    run_simulated(main())


@pytest.mark.parametrize(("busy", "is_there"), [(0, True), (4, True), (5, False)])
def test_a_busy_chip_is_asked_as_often_as_said(bus: FakeI2c, busy: int, is_there: bool) -> None:
    """And then the wait ends with a sentence."""
    chip = bus.chips[0x38] = BareChip(b"\x18", while_busy=b"\x98")
    chip.busy = busy
    poll = Poll(query=Query(count=1), mask=0x80, wanted=0, every_s=0.01, tries=5)

    async def main() -> None:
        if is_there:
            await Chip(on(bus), 0x38).wait_ready(poll)
        else:
            with pytest.raises(DeviceTimeout, match="0x38 is still not ready after 5 questions"):
                await Chip(on(bus), 0x38).wait_ready(poll)

    run_simulated(main())


@pytest.mark.parametrize(
    ("mask", "wanted", "data", "is_ready"),
    [
        (0x07FF, None, "8006", True),
        (0x07FF, None, "8000", False),
        (0xFFFF, 1, "0001", True),
        (0xFFFF, 1, "0003", False),
        (0x88, 0x08, "1c", True),
        (0x88, 0x08, "9c", False),
        (0x88, 0x08, "10", False),
    ],
)
def test_ready_is_any_of_the_bits_or_all_as_wanted(
    mask: int, wanted: int | None, data: str, is_ready: bool
) -> None:
    """Chips say it both ways."""
    poll = Poll(query=Query(count=1), mask=mask, wanted=wanted, every_s=1, tries=1)
    assert poll.is_ready(bytes.fromhex(data)) is is_ready


def test_a_reading_starts_waits_and_asks_in_order(bus: FakeI2c) -> None:
    """First what starts the conversion, then everything that is asked."""
    field = Field(name="x", kind="count", bits=8)
    bus.chips[0x23] = BareChip(b"\x07\x08")
    table = Table(
        before=(Command(b"\x01"), Command(b"\x20", 0.18)),
        queries=(Query(count=1, fields=(field,)), Query(write=b"\x05", count=2)),
    )

    async def main() -> None:
        assert [each.value for each in await TableSensor(Chip(on(bus), 0x23), table).read()] == [7]

    run_simulated(main())
    assert [(way, data.hex()) for _, way, data in bus.log] == [
        ("w", "01"),
        ("w", "20"),
        ("r", "07"),
        ("w", "05"),
        ("r", "0708"),
    ]
