"""Scales: the manuals' lines in three languages, and a scale on a pty."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.serial import scale as module
from drivers.serial.scale import Asked, Config, Language, Speaking, decode, open_driver, recognise
from gatewayd.errors import DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.peers.pty import plugged

GOOD, MOVING, FAULT = Quality.GOOD, Quality.UNCERTAIN, Quality.FAULT


@pytest.mark.parametrize(
    ("language", "line", "value", "quality"),
    [
        ("mt-sics", b"S S     100.00 g\r", 100.0, GOOD),
        ("mt-sics", b"S D      -0.05 g\r", -0.05, MOVING),
        ("mt-sics", b"S S    1.00000 kg\r", 1000.0, GOOD),
        ("mt-sics", b"S I\r", None, FAULT),
        ("mt-sics", b"S +\r", None, FAULT),
        ("mt-sics", b"S -\r", None, FAULT),
        ("and", b"ST,+00123.45  g\r", 123.45, GOOD),
        ("and", b"US,-00000.20 kg\r", -200.0, MOVING),
        ("and", b"OL,+9999999E+19\r", None, FAULT),
        ("sbi", b"+   123.56 g  \r", 123.56, GOOD),
        ("sbi", b"-   123.56    \r", -123.56, MOVING),
        ("sbi", b"N     +   123.56 g  \r", 123.56, GOOD),
        ("sbi", b"+  123.5[6] g  \r", 123.56, GOOD),
        ("sbi", b"      High      \r", None, FAULT),
        ("sbi", b"Stat       Low      \r", None, FAULT),
    ],
)
def test_lines_are_decoded(
    language: Language, line: bytes, value: float | None, quality: Quality
) -> None:
    """Stable, moving, out of range, and in another unit. Source: the makers' manuals."""
    assert decode(line, language, "g") == Measurement("weight", value, quality)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("mt-sics", b"ES"),
        ("mt-sics", b"S S"),
        ("mt-sics", b"S S 1.2.3 g"),
        ("mt-sics", b"S S 100.00 furlongs"),
        ("and", b"ST,+001"),
        ("and", b"ST,+00123.45  PC"),
        ("and", b"QT,+0000012 PC"),
        ("and", b"ST"),
        ("sbi", b"Stat     ERR 054"),
        ("sbi", b"+ 253 pcs"),
        ("sbi", b""),
        ("sbi", b"\xff\xfe"),
    ],
)
def test_what_is_no_weight_is_malformed(language: Language, line: bytes) -> None:
    """Error words, broken lines, pieces."""
    with pytest.raises(Malformed):
        decode(line, language, "g")


@given(some.binary(max_size=60), some.sampled_from(["mt-sics", "and", "sbi"]))
def test_random_bytes_are_malformed_or_a_weight(line: bytes, language: Language) -> None:
    """Nothing else is raised."""
    with suppress(Malformed):
        assert decode(line, language, "kg").channel == "weight"


def test_a_scale_is_known_by_its_answer() -> None:
    """With its language; other devices that print are not taken for one."""
    for line, language in ((b"S S     100.00 g\r\n", "mt-sics"), (b"US,+00001.0  g\r\n", "and")):
        evidence = recognise(b"45 g\r\n" + line)
        assert evidence is not None
        assert evidence.keys == {"language": language}
    assert recognise(b"$GPGGA,1\r\n") is None


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("mt-sics", b"SI\r\n", b"S S     100.00 g\r\n"),
        ("and", b"Q\r\n", b"ST,+00100.00  g\r\n"),
        ("sbi", b"\x1bP\r\n", b"+   100.00 g  \r\n"),
    ],
)
async def test_a_scale_is_asked(language: Language, question: bytes, answer: bytes) -> None:
    """In its own language; then it falls silent, and then it refuses."""
    with plugged() as pty:
        pty.serve(lambda data: answer if data == question else b"ES\r\n")
        config = Config(port=pty.path, language=language, unit="kg", answer_timeout=0.2)
        async with open_driver(config, Ports()) as scale:
            assert isinstance(scale, Asked)
            assert await scale.read() == (Measurement("weight", 0.1),)
            pty.serve(lambda _: b"")
            with pytest.raises(DeviceTimeout):
                await scale.read()
            pty.serve(lambda _: b"ES\r\n")
            with pytest.raises(DeviceFault, match="no weight: 'ES'"):
                await scale.read()


async def test_a_scale_that_speaks_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other lines are counted; when nothing else comes it is a fault."""
    monkeypatch.setattr(module, "REJECTS_MAX", 3)
    with plugged() as pty:
        config = Config(port=pty.path, language="and", unit="g", speaks=True)
        async with open_driver(config, Ports()) as scale:
            assert isinstance(scale, Speaking)
            spoken = aiter(scale.measurements())
            pty.write(b"booting\r\nUS,+00001.0  g\r\n")
            async with asyncio.timeout(5.0):
                assert await anext(spoken) == (Measurement("weight", 1.0, MOVING),)
            assert scale.rejects == 1
            pty.write(b"login:\r\n" * 3)
            with pytest.raises(DeviceFault, match="no weights"):
                await anext(spoken)
