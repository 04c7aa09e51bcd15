"""Devices that print text: decoded purely, and real conversations on ptys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import TypeAdapter, ValidationError

from drivers.serial.lines import Answerer, Config, Decoder, Field, Speaker, describe, open_driver
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.peers.pty import plugged

DEADLINE_S = 5.0

WEIGHT = {"weight": Field(kind="weight", unit="g", group="v")}
METTLER = Config(
    port="x", format="regex", pattern=r"^S (?P<st>[SD]) +(?P<v>-?[\d.]+) (?P<u>\w+)", fields=WEIGHT
)
AND = Config(
    port="x",
    format="regex",
    pattern=r"^(?P<st>ST|US),(?P<v>[+-][\d.]+) *(?P<u>\w+)",
    fields=WEIGHT,
)
STATION = Config(
    port="x",
    format="json",
    fields={
        "temperature": Field(kind="temperature", unit="Cel", key="air.t"),
        "door": Field(kind="switch", key="door"),
        "state": Field(kind="text", key="state"),
    },
)
TABLE = Config(
    port="x",
    format="csv",
    delimiter=";",
    fields={
        "wind": Field(kind="speed", unit="m/s", column=2),
        "pump": Field(kind="switch", column=3),
    },
)


@pytest.mark.parametrize(
    ("config", "line", "values"),
    [
        (METTLER, b"S S     100.00 g\r", {"weight": 100.0}),
        (METTLER, b"S D      -0.05 g\r", {"weight": -0.05}),
        (AND, b"ST,+00123.45  g\r", {"weight": 123.45}),
        (
            STATION,
            b'{"air":{"t":21.5},"door":true,"state":"ok"}',
            {"temperature": 21.5, "door": True, "state": "ok"},
        ),
        (STATION, b'{"air":{"t":"21,5"},"door":"off"}', {"temperature": 21.5, "door": False}),
        (TABLE, b"07:00; 3,2 ;1", {"wind": 3.2, "pump": True}),
        (TABLE, b"07:00;;0", {"pump": False}),
    ],
)
def test_lines_are_decoded(config: Config, line: bytes, values: Mapping[str, object]) -> None:
    """Sources: MT-SICS reference manual; A&D RS-232C standard format; two home-made stations."""
    assert {each.channel: each.value for each in Decoder(config).decode(line)} == values


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (METTLER, b"S +"),
        (METTLER, b"S I"),
        (METTLER, b"S S  1.2.3 g"),
        (AND, b"OL,+9999999E+19"),
        (STATION, b"{"),
        (STATION, b"[1]"),
        (STATION, b'{"air":{"t":null}}'),
        (STATION, b'{"air":{"t":true}}'),
        (STATION, b'{"air":{"t":[1]}}'),
        (STATION, b'{"door":"perhaps"}'),
        (STATION, b'{"state":"' + b"x" * 300 + b'"}'),
        (STATION, b"[" * 4000),
        (TABLE, b"07:00"),
        (TABLE, b"07:00;nan;x"),
        (TABLE, b"\xff;1;1"),
        (TABLE, b""),
    ],
)
def test_other_lines_are_malformed(config: Config, line: bytes) -> None:
    """Overload, no weight yet, broken pieces, values that are none."""
    with pytest.raises(Malformed):
        Decoder(config).decode(line)


@pytest.mark.parametrize("config", [METTLER, AND, STATION, TABLE])
@given(line=some.binary(max_size=200))
def test_random_bytes_are_malformed_or_values(config: Config, line: bytes) -> None:
    """Whatever comes in, nothing else is raised."""
    with suppress(Malformed):
        assert Decoder(config).decode(line)


@given(
    some.recursive(
        some.none() | some.booleans() | some.floats() | some.integers() | some.text(),
        lambda inner: some.dictionaries(some.sampled_from(["air", "t", "door", "state"]), inner),
    )
)
def test_any_json_is_malformed_or_values(tree: object) -> None:
    """Also JSON that is right and means something else."""
    with suppress(Malformed):
        for each in Decoder(STATION).decode(json.dumps(tree).encode()):
            assert each.value is not None


@pytest.mark.parametrize(
    ("checksum", "good", "bad"),
    [
        ("nmea-xor", b"$1;2.0;1*2C", b"$1;2.1;1*2C"),
        ("sum8", b"1;2.0;168", b"1;2.1;168"),
    ],
)
def test_a_checksum_is_checked(checksum: str, good: bytes, bad: bytes) -> None:
    """A disturbed line gives no value, however good it looks."""
    config = Config(
        port="x", format="csv", delimiter=";", checksum=checksum, fields=TABLE.fields  # type: ignore[arg-type]  # One of both.
    )  # fmt: skip
    assert Decoder(config).decode(good)[0] == Measurement("wind", 2.0)
    for line in (bad, good[:-2], b"", b"$*"):
        with pytest.raises(Malformed):
            Decoder(config).decode(line)


async def test_a_scale_is_asked() -> None:
    """`poll` goes out as it stands, and the answer is the reading."""
    with plugged() as pty:
        pty.serve(lambda data: b"S S     100.00 g\r\n" if data == b"SI\r\n" else b"ES\r\n")
        async with open_driver(_polled(pty.path), Ports()) as scale:
            assert isinstance(scale, Answerer)
            assert await scale.read() == (Measurement("weight", 100.0),)


async def test_a_field_that_the_answer_lacks_is_a_fault() -> None:
    """The others keep their values."""
    with plugged() as pty:
        pty.serve(lambda _: b'{"door":1}\n')
        config = Config(port=pty.path, format="json", poll="?", fields=STATION.fields)
        async with open_driver(config, Ports()) as station:
            assert isinstance(station, Answerer)
            assert await station.read() == (
                Measurement("temperature", None, Quality.FAULT),
                Measurement("door", True),
                Measurement("state", None, Quality.FAULT),
            )


async def test_a_scale_that_does_not_answer_does_not_open() -> None:
    """Silence is a timeout, another language a fault, a missing adapter absence."""
    with plugged() as pty:
        with pytest.raises(DeviceTimeout):
            async with open_driver(_polled(pty.path), Ports()):
                pass
        pty.serve(lambda _: b"login:\r\n")
        with pytest.raises(DeviceFault, match="pattern does not know: 'login:'"):
            async with open_driver(_polled(pty.path), Ports()):
                pass
    with pytest.raises(DeviceAbsent):
        async with open_driver(_polled("/dev/serial/none"), Ports()):
            pass


async def test_a_station_is_listened_to() -> None:
    """Lines that do not fit are skipped and counted."""
    with plugged() as pty:
        config = Config(port=pty.path, format="csv", delimiter=";", fields=TABLE.fields)
        async with open_driver(config, Ports()) as station:
            assert isinstance(station, Speaker)
            pty.write(b"booting\r\n1;2.5;1\r\n\r\n1;3.5;0\r\n")
            async with aclosing(station.measurements()) as stream:  # type: ignore[type-var]  # Is one.
                async with asyncio.timeout(DEADLINE_S):
                    first, second = await anext(stream), await anext(stream)
            assert first == (Measurement("wind", 2.5), Measurement("pump", True))
            assert second == (Measurement("wind", 3.5), Measurement("pump", False))
            assert station.rejects == 2


async def test_an_unplugged_station_is_absent() -> None:
    """Its line is gone."""
    with plugged() as pty:
        config = Config(port=pty.path, format="csv", fields=TABLE.fields)
        async with open_driver(config, Ports()) as station:
            assert isinstance(station, Speaker)
            pty.unplug()
            with pytest.raises(DeviceAbsent):
                await anext(aiter(station.measurements()))


async def test_a_device_that_only_babbles_is_a_fault() -> None:
    """Lines without end and without a value: the record has a reason instead of nothing."""
    with plugged() as pty:
        config = Config(port=pty.path, format="regex", pattern=METTLER.pattern, fields=WEIGHT)

        def babble() -> None:
            pty.write(b"debug\r\n" * 100)
            asyncio.get_running_loop().call_later(0.001, babble)

        async with open_driver(config, Ports()) as scale:
            assert isinstance(scale, Speaker)
            babble()
            with pytest.raises(DeviceFault, match=r"1000 lines in a row at .*, the last a line"):
                async with asyncio.timeout(DEADLINE_S):
                    await anext(aiter(scale.measurements()))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"format": "regex", "pattern": "(", "fields": WEIGHT}, "pattern"),
        ({"format": "regex", "pattern": "(?P<w>.)", "fields": WEIGHT}, r"no group \(\?P<v>"),
        ({"format": "json", "fields": WEIGHT}, "JSON key"),
        ({"format": "csv", "fields": {"a": Field(kind="level", column=0)}}, "the first is 1"),
        ({"format": "csv", "fields": {}}, "at least one"),
        ({"format": "csv", "fields": TABLE.fields, "terminator": ""}, "terminator"),
    ],
)
def test_what_cannot_work_is_found_before_a_device_is_touched(
    wrong: dict[str, object], sentence: str
) -> None:
    """The owner's mistakes are told by `gatewayd check`."""
    with pytest.raises(ValueError, match=sentence):
        Config(port="x", **wrong)  # type: ignore[arg-type]  # Wrong on purpose.


def test_the_configuration_is_what_a_technician_writes() -> None:
    """The tables of the file become fields, durations have units, and mistakes are found."""
    section = {
        "port": "/dev/serial/by-id/scale",
        "format": "regex",
        "pattern": "(?P<v>.+)",
        "poll": "SI\r\n",
        "answer_timeout": "500ms",
        "fields": {"weight": {"kind": "weight", "unit": "g", "group": "v"}},
    }
    config = TypeAdapter(Config).validate_python(section)
    assert (config.fields["weight"], config.answer_timeout) == (WEIGHT["weight"], 0.5)
    assert [(each.id, each.kind, each.unit) for each in describe(config)] == [
        ("weight", "weight", "g")
    ]
    with pytest.raises(ValidationError, match="no group"):
        TypeAdapter(Config).validate_python({**section, "pattern": "."})


def _polled(path: str) -> Config:
    return Config(
        port=path,
        format="regex",
        pattern=METTLER.pattern,
        fields=WEIGHT,
        poll="SI\r\n",
        answer_timeout=0.05,
    )
