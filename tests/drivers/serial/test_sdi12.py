"""SDI-12: the specification's checksum, and a sensor on a pty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.serial.sdi12 import (
    Config,
    Value,
    decode_start,
    decode_values,
    describe,
    encode_crc,
    open_driver,
)
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.peers.pty import Pty, plugged

VALUES = {
    "moisture": Value(index=1, kind="moisture", unit="%"),
    "temperature": Value(index=3, kind="temperature", unit="Cel"),
}


READ = (Measurement("moisture", 3.14), Measurement("temperature", 21.5))


class Sensor:
    """A sensor with three values on two pages; `echo` as adapters do that hear themselves."""

    def __init__(self, *, echo: bool = False, wait_s: int = 0, address: str = "0") -> None:
        self.heard: list[bytes] = []
        self._echo, self._wait_s, self._address = echo, wait_s, address
        self._has_crc = False
        self.flip = 0
        """XORed into the last character of the values."""

    def receive(self, data: bytes) -> bytes:
        """Return the answer to one command."""
        self.heard.append(data)
        command = data[1:-1].decode()
        answer = (self._address + self._answer(command)).encode()
        if command[0] == "D" and self._has_crc:
            answer += encode_crc(answer)
            answer = answer[:-1] + bytes([answer[-1] ^ self.flip])
        return (b"\0" + data if self._echo else b"") + answer + b"\r\n"

    def _answer(self, command: str) -> str:
        match command[0]:
            case "I":
                return "13CSI451.Std.01_12345678"
            case "M":
                self._has_crc = "C" in command
                return f"{self._wait_s:03}3"
        return {"D0": "+3.14-2", "D1": "+21.5"}.get(command, "")


def _config(pty: Pty, **keys: object) -> Config:
    return Config(port=pty.path, values=VALUES, answer_timeout=0.3, **keys)  # type: ignore[arg-type]  # Any keys.


def test_the_specifications_checksum() -> None:
    """`0+3.14` has `OqZ`. Source: SDI-12 V1.4, 4.4.12.3."""
    assert encode_crc(b"0+3.14") == b"OqZ"
    assert decode_values("0+3.14OqZ", has_crc=True) == [3.14]


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("0+3.14", [3.14]),
        ("0+3.14-2+.5-0", [3.14, -2.0, 0.5, 0.0]),
        ("0", []),
        ("z+1234567", [1_234_567.0]),
    ],
)
def test_values_stand_side_by_side(answer: str, numbers: list[float]) -> None:
    """Their signs divide them."""
    assert decode_values(answer, has_crc=False) == numbers


@pytest.mark.parametrize("answer", ["0+3.14OqX", "0+3.15OqZ", "1+3.14OqZ", "0OqZ", "0", ""])
def test_a_wrong_checksum_is_malformed(answer: str) -> None:
    """In the values, the address or the checksum itself."""
    with pytest.raises(Malformed):
        decode_values(answer, has_crc=True)


@pytest.mark.parametrize("answer", ["0+3.1.4", "0 3.14", "0+", "0+3.14x", "0+12345678"])
def test_what_is_no_number_is_malformed(answer: str) -> None:
    """Nothing may stand between the numbers."""
    with pytest.raises(Malformed):
        decode_values(answer, has_crc=False)


@given(some.text(max_size=90))
def test_any_answer_is_numbers_or_malformed(answer: str) -> None:
    """Nothing else is raised."""
    for has_crc in (True, False):
        with suppress(Malformed):
            decode_values(answer, has_crc=has_crc)
    with suppress(Malformed):
        decode_start(answer)


def test_the_start_tells_seconds_and_count() -> None:
    """`atttn`; with ten values and more two digits."""
    assert decode_start("00013") == (1.0, 3)
    assert decode_start("012020") == (120.0, 20)


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("checksum", [True, False])
async def test_a_sensor_is_read(echo: bool, checksum: bool) -> None:
    """Who are you, measure, and two pages of values."""
    sensor = Sensor(echo=echo)
    with plugged(sensor) as pty:
        async with open_driver(_config(pty, checksum=checksum), Ports()) as probe:
            assert await probe.read() == READ
    start = b"0MC!" if checksum else b"0M!"
    assert sensor.heard == [b"0I!", start, b"0D0!", b"0D1!"]


@pytest.mark.parametrize(("wait_s", "calls"), [(9, True), (1, False)])
async def test_a_slow_sensor_is_waited_for(wait_s: int, calls: bool) -> None:
    """Until it calls; one that does not call has had its time by then."""
    sensor = Sensor(wait_s=wait_s)
    loop = asyncio.get_running_loop()
    with plugged(sensor) as pty:
        async with open_driver(_config(pty), Ports()) as probe, asyncio.timeout(5.0):
            reading = asyncio.ensure_future(probe.read())
            await pty.wait_received(len(b"0I!0MC!"))
            if calls:
                loop.call_later(0.3, pty.write, b"0\r\n")
            start_s = loop.time()
            assert await reading == READ
            assert loop.time() - start_s > (0.25 if calls else 0.9)


async def test_a_value_that_the_sensor_does_not_send_is_absent() -> None:
    """It has three; the fourth is asked for."""
    with plugged(Sensor()) as pty:
        config = Config(port=pty.path, values={"x": Value(index=4, kind="level")})
        async with open_driver(config, Ports()) as probe:
            assert await probe.read() == (Measurement("x", None, Quality.ABSENT),)


async def test_a_sensor_that_fails_costs_the_others_nothing() -> None:
    """Two on one wire; one falls silent, and comes back; then the wire is gone."""
    near, far = Sensor(), Sensor(address="1")
    values = {**VALUES, "deep": Value(index=2, kind="moisture", address="1")}
    is_cut = False

    def answer(data: bytes) -> bytes:
        if data[:1] == b"1":
            return b"" if is_cut else far.receive(data)
        return near.receive(data)

    with plugged() as pty:
        pty.serve(answer)
        config = Config(port=pty.path, values=values, answer_timeout=0.2)
        async with open_driver(config, Ports()) as wire:
            assert await wire.read() == (*READ, Measurement("deep", -2.0))
            is_cut = True
            assert await wire.read() == (*READ, Measurement("deep", None, Quality.TIMEOUT))
            far.flip, is_cut = 1, False
            assert await wire.read() == (*READ, Measurement("deep", None, Quality.FAULT))
            far.flip = 0
            assert await wire.read() == (*READ, Measurement("deep", -2.0))
            pty.unplug()
            with pytest.raises(DeviceAbsent):
                await wire.read()


async def test_a_disturbed_answer_is_a_fault_and_passes() -> None:
    """A wrong checksum gives no value; the next one is good."""
    sensor = Sensor()
    with plugged(sensor) as pty:
        async with open_driver(_config(pty), Ports()) as probe:
            sensor.flip = 1
            with pytest.raises(DeviceFault, match="wrong checksum"):
                await probe.read()
            sensor.flip = 0
            assert len(await probe.read()) == 2


@pytest.mark.parametrize(
    ("sensor", "identity", "error"),
    [
        (Sensor().receive, "12345678", None),
        (Sensor().receive, "METER", (DeviceFault, r"12345678', not 'METER'")),
        (Sensor(address="5").receive, None, (DeviceFault, "not address 0")),
        (lambda _: b"", None, (DeviceTimeout, "did not answer")),
    ],
)
async def test_a_sensor_proves_itself(
    sensor: Callable[[bytes], bytes],
    identity: str | None,
    error: tuple[type[Exception], str] | None,
) -> None:
    """By what it is, where that is asked for, by its address, and by answering at all."""
    with plugged() as pty, ExitStack() as expecting:
        pty.serve(sensor)
        if error is not None:
            expecting.enter_context(pytest.raises(error[0], match=error[1]))
        async with open_driver(_config(pty, identity=identity), Ports()):
            pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "00"},
        {"address": "?"},
        {"values": {"x": Value(index=1, kind="x", address="?")}},
        {"command": "M10"},
        {"values": {}},
    ],
)
def test_what_cannot_work_is_found_before_a_device_is_touched(wrong: dict[str, object]) -> None:
    """Nor can a command be smuggled in that changes the sensor."""
    with pytest.raises(ValueError, match=r"address|command|values"):
        Config(**{"port": "x", "values": VALUES, **wrong})  # type: ignore[arg-type]  # Wrong on purpose.


def test_channels_are_the_values() -> None:
    """Named and measured as the owner wrote."""
    channels = describe(Config(port="x", values=VALUES))
    assert [(each.id, each.unit) for each in channels] == [
        ("moisture", "%"),
        ("temperature", "Cel"),
    ]
