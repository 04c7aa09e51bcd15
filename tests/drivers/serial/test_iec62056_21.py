"""IEC 62056-21: a synthetic list, and a meter on a pty that changes its speed."""

from __future__ import annotations

import asyncio

import pytest

from drivers.serial._obis import USUAL, Entry
from drivers.serial.iec62056_21 import Asked, Config, Pushing, decode, open_driver, recognise
from gatewayd.errors import DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.ports.serial import SerialPort
from tests.frames.serial.vectors import LIST, PUSHED, SDS011
from tests.peers.pty import plugged

VALUES = (
    Measurement("energy_in", 12345.678),
    Measurement("energy_out", 12.5),
    Measurement("power", -1190.0),
)


class Meter:
    """Answers as one of mode C, B or A would; `heard` is every message that it got.

    Attributes:
        echo: the eye hears what it says itself.
    """

    def __init__(self, speed: bytes = b"5", *, echo: bool = False, block: bytes = LIST) -> None:
        self.heard: list[bytes] = []
        self._speed, self._echo, self._block = speed, echo, block

    def receive(self, data: bytes) -> bytes:
        """Return the identification to a question, and the list to a confirmation."""
        self.heard.append(data)
        echo = data if self._echo else b""
        if data.startswith(b"/?"):
            waits = self._speed.isdigit()
            identification = b"/LGZ" + self._speed + b"\\2ZMF100AC.M26\r\n"
            return echo + identification + (b"" if waits else self._block)
        return echo + self._block


def test_a_list_is_decoded() -> None:
    """The value of now, not of a past month; kW become W (*syn*)."""
    text = LIST[1:-2].decode()
    assert decode(text, USUAL) == VALUES
    wanted = {
        "number": Entry(code="0.0.0", kind="text"),
        "gas": Entry(code="7.8.0", kind="volume", unit="m3"),
    }
    assert decode(text, wanted) == (
        Measurement("number", "51234567"),
        Measurement("gas", None, Quality.ABSENT),
    )


def test_a_list_of_other_things_is_malformed() -> None:
    """With the codes that it has, for whoever writes the section."""
    with pytest.raises(Malformed, match=r"it has 0\.0\.0 1\.8\.0"):
        decode(LIST.decode("ascii", "replace")[1:], {"x": Entry(code="9.9.9", kind="level")})


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize(
    ("speed", "confirmation", "baudrate"),
    [(b"5", b"\x06050\r\n", 9600), (b"0", b"\x06000\r\n", 300)],
)
async def test_a_meter_is_asked_and_its_speed_agreed_upon(
    echo: bool, speed: bytes, confirmation: bytes, baudrate: int
) -> None:
    """Question, confirmation, then the line goes on at the meter's speed; twice in a row."""
    meter = Meter(speed, echo=echo)
    with plugged(meter) as pty:
        ports = Ports()
        async with open_driver(Config(port=pty.path, address="12"), ports) as asked:
            assert isinstance(asked, Asked)
            for _ in range(2):
                assert await asked.read() == VALUES
                assert isinstance(asked._port, SerialPort)
                assert asked._port._serial.baudrate == baudrate
    assert meter.heard == [b"/?12!\r\n", confirmation] * 2


async def test_a_meter_of_mode_b_or_a_is_not_confirmed() -> None:
    """B changes its speed without being told; A has one speed."""
    for speed in (b"E", b"!"):
        meter = Meter(speed)
        with plugged(meter) as pty:
            async with open_driver(Config(port=pty.path), Ports()) as asked:
                assert isinstance(asked, Asked)
                reading = asyncio.ensure_future(asked.read())
                # The list comes with the identification here, which no line does: once more.
                await pty.wait_received(5)
                while not reading.done():
                    pty.write(LIST)
                    await asyncio.wait([reading], timeout=0.05)
                assert reading.result() == VALUES
        assert meter.heard == [b"/?!\r\n"]


async def test_silence_is_a_timeout_and_a_disturbed_list_too() -> None:
    """A wrong check character gives no values."""
    broken = LIST[:20] + b"9" + LIST[21:]
    with plugged(Meter(b"0", block=broken)) as pty:
        config = Config(port=pty.path, answer_timeout=0.2)
        async with open_driver(config, Ports()) as asked:
            assert isinstance(asked, Asked)
            with pytest.raises(DeviceTimeout):
                await asked.read()
            pty.serve(lambda _: b"")
            with pytest.raises(DeviceTimeout):
                await asked.read()


async def test_a_list_without_the_values_is_a_fault() -> None:
    """Another kind of meter, or another spelling."""
    values = {"gas": Entry(code="7.8.0", kind="volume", unit="m3")}
    with plugged(Meter(b"0")) as pty:
        async with open_driver(Config(port=pty.path, values=values), Ports()) as asked:
            assert isinstance(asked, Asked)
            with pytest.raises(DeviceFault, match="without any of the values"):
                await asked.read()


async def test_a_meter_that_pushes_is_listened_to() -> None:
    """Mode D; a list without any of the values is absence."""
    with plugged() as pty:
        config = Config(port=pty.path, mode="D", silence=0.3)
        async with open_driver(config, Ports()) as meter:
            assert isinstance(meter, Pushing)
            spoken = aiter(meter.measurements())
            pty.write(
                PUSHED[30:] + PUSHED + PUSHED.replace(b".8.0", b".9.0").replace(b"16.7", b"1")
            )
            assert await anext(spoken) == VALUES
            assert {each.quality for each in await anext(spoken)} == {Quality.ABSENT}
            assert meter.rejects == 1
            with pytest.raises(DeviceTimeout):
                await anext(spoken)


def test_a_meter_is_known_by_its_identification() -> None:
    """Behind the echo of the question; and nothing else is taken for one."""
    evidence = recognise(b"/?!\r\n/LGZ5\\2ZMF100AC.M26\r\n")
    assert evidence is not None
    assert evidence.words == "a meter says /LGZ5\\2ZMF100AC.M26"
    assert recognise(b"/?!\r\n") is None
    assert recognise(SDS011) is None


@pytest.mark.parametrize("wrong", [{"values": {}}, {"address": "1\r\n/?!"}, {"address": "1" * 33}])
def test_what_cannot_work_is_found_before_a_device_is_touched(wrong: dict[str, object]) -> None:
    """An address cannot smuggle another command onto the line."""
    with pytest.raises(ValueError, match=r"address|values"):
        Config(port="x", **wrong)  # type: ignore[arg-type]  # Wrong on purpose.
