"""A scan of serial ports: real ptys with peers, real pyserial, real pymodbus."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from gatewayd.config import inspect
from gatewayd.ports import Ports
from gatewayd.scan import Found, View, serial
from gatewayd.scan.toml import sections_of
from tests.frames.serial.vectors import MHZ19
from tests.peers.modbus import Slave, rtu_line
from tests.peers.pty import Pty, plugged

SDS011 = bytes.fromhex("AAC0D4043A0AA1601DAB")
PATIENCE_S, ANSWER_S = 0.8, 0.2


class Mhz19:
    """Answers its one question."""

    def receive(self, data: bytes) -> bytes:
        """Return the data sheet's answer."""
        return MHZ19 if data == bytes.fromhex("ff0186000000000079") else b""


def at(root: Path, port: str) -> Path:
    """Plug a port in under a name that stays."""
    folder = root / "dev/serial/by-id"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "usb-adapter").symlink_to(port)
    return root


async def scan(root: Path, **view: object) -> list[Found]:
    wanted = View(Ports(), root=root, patience_s=PATIENCE_S, answer_s=ANSWER_S, **view)  # type: ignore[arg-type]  # A test's own.
    return [each async for each in serial.find(wanted)]


async def speak(pty: Pty, data: bytes) -> None:
    """Say the same again and again, as a sensor does."""
    while True:
        pty.write(data)
        await asyncio.sleep(0.1)


async def test_a_device_that_speaks_is_known_by_its_frames(tmp_path: Path) -> None:
    """And its lines pass the check."""
    with plugged() as pty:
        speaking = asyncio.create_task(speak(pty, SDS011))
        (found,) = await scan(at(tmp_path, pty.path))
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking
    assert found.guesses[0].driver == "sds011"
    file = tmp_path / "config.toml"
    file.write_text(next(text for _, text in sections_of([found]).values()))
    settings, problems = inspect(file, {})
    assert settings is not None and "sds011" in settings.devices, problems


async def test_a_device_that_answers_is_known_by_its_answer(tmp_path: Path) -> None:
    """Its driver's question is asked, after listening."""
    with plugged(Mhz19()) as pty:
        (found,) = await scan(at(tmp_path, pty.path), slaves=0)
    assert found.guesses[0].driver == "mhz19"


async def test_modbus_slaves_are_found_by_their_numbers(tmp_path: Path) -> None:
    """Two on one line; what no map knows is told as Modbus."""
    async with rtu_line({2: Slave(), 5: Slave()}) as line:
        # The peer answers for slaves that it does not have.
        line.fault = lambda frame: frame if frame[0] in (2, 5) else b""
        found = await scan(at(tmp_path, line.port), slaves=6)
    assert [each.place.rpartition(" ")[2] for each in found if each.wire == "modbus"] == ["2", "5"]


async def test_a_port_in_use_is_left_alone(tmp_path: Path) -> None:
    """A question in the middle of somebody's conversation would spoil it."""
    with plugged(Mhz19()) as pty:
        used: dict[tuple[str, object], str] = {(pty.path, None): "gps"}
        (found,) = await scan(at(tmp_path, pty.path), used=used)
        assert found.remark == "is in use by gps" and not pty.received


async def test_a_silent_port_is_named_all_the_same(tmp_path: Path) -> None:
    """Somebody may have forgotten to switch the device on."""
    with plugged() as pty:
        (found,) = await scan(at(tmp_path, pty.path), slaves=1)
    assert not found.guesses and not found.remark


async def test_a_port_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    """Not ours to open, or gone."""
    (found,) = await scan(at(tmp_path, str(tmp_path / "gone")))
    assert found.remark


async def test_noise_is_nothing(tmp_path: Path) -> None:
    """A line at another speed."""
    with plugged() as pty:
        pty.write(b"\x00" * 100 + b"\xff" * 100 + bytes(range(256)) * 3)
        found = await scan(at(tmp_path, pty.path), slaves=0)
    assert not any(each.guesses for each in found)
