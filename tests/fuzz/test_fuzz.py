"""Every decoder and every entry against hostile bytes, for seconds; `make fuzz` takes hours."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.fuzz.finding import LENGTHS, NOT_ALONE, OUR_OWN
from tests.fuzz.making import Source
from tests.fuzz.seeds import findings, seeds
from tests.fuzz.target import FOUND, INPUT_BYTES_MAX, NoValue, check_believed
from tests.fuzz.targets import targets

EXAMPLES = 30
"""Hypothesis' inputs a target in `make test`; 160 targets take some 15 s."""

BENT = 60
"""Good messages with a few bytes changed, a target."""

INPUT_S_MAX = 2.0

KNOWN = [(name, file) for name in targets() for file in findings(targets()[name])]


def bend(good: bytes, dice: random.Random) -> bytes:
    """Return a message with one to three places changed, lost or grown."""
    data = bytearray(good)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        data[at : at + dice.randrange(4)] = dice.randbytes(dice.randrange(4))
    return bytes(data)


@pytest.mark.parametrize("name", targets())
def test_hostile_bytes_are_survived(name: str) -> None:
    """Bent messages and bytes that never were one: an answer or a refusal, soon."""
    target, dice = targets()[name], random.Random(name)
    good = seeds(target) or [b""]
    with target.open() as run:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(some.binary(max_size=200) | some.text(max_size=100).map(str.encode))
        def survive(data: bytes) -> None:
            run(data)

        began_s = time.process_time()
        survive()
        for _ in range(BENT):
            run(bend(dice.choice(good), dice)[:INPUT_BYTES_MAX])
        assert time.process_time() - began_s < INPUT_S_MAX * (EXAMPLES + BENT)


@pytest.mark.parametrize(("name", "file"), KNOWN, ids=[f"{n}-{f.name}" for n, f in KNOWN])
def test_what_broke_it_once_does_not_break_it_again(name: str, file: Path) -> None:
    """Each input that a fuzzer found is replayed for ever."""
    with targets()[name].open() as run:
        run(file.read_bytes())


def test_no_finding_is_without_its_target() -> None:
    """A target that was renamed takes its findings along."""
    folders = {each.folder.name for each in targets().values()}
    left = [each.name for each in FOUND.iterdir() if each.is_dir() and any(each.iterdir())]
    assert set(left) <= folders


def test_the_decoders_of_every_wire_and_cloud_are_found() -> None:
    """By name and type; and none that the tables speak of is gone."""
    names = " ".join(targets())
    for wanted in (
        *("drivers.ble.ruuvi", "drivers.i2c.sht3x", "drivers.modbus", "drivers.serial.nmea"),
        *("drivers.onewire", "drivers.hid", "thingplus.rpc", "thethingsio.codec", "pson"),
        *("iotmp", "cbor", "mqtt_packets", "console raw", "control socket", "broker"),
        *("push listener", "configuration", "recording"),
    ):
        assert wanted in names
    assert set(LENGTHS) <= set(targets())
    assert len(targets()) > 150
    assert not set(NOT_ALONE) & set(targets())
    assert not any(name.rpartition(".")[0] in OUR_OWN for name in targets())


def test_a_value_that_no_channel_can_hold_is_a_finding() -> None:
    """Wherever it stands in what a decoder says."""
    check_believed({"a": [1.0, (None, "x")]})
    with pytest.raises(NoValue):
        check_believed([{"a": float("nan")}])


def test_what_stands_beside_the_frame_is_taken_from_its_end() -> None:
    """So that a captured frame is an input as it is."""
    source = Source(b"frame\x07")
    assert source.tail() == b"\x07"
    assert source.rest() == b"frame"
    assert source.tail(2) == b"\0\0"
