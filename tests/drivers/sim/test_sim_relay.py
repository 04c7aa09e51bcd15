"""Simulated relays, in memory and in a file that outlives the process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.sim.sim_relay import Config, describe, open_driver
from gatewayd.driver import is_output
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.testing.ports import FakePorts

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from drivers.sim.sim_relay import Config, open_driver
from gatewayd.ports import Ports

async def main() -> None:
    async with open_driver(Config(state_file=Path(sys.argv[1])), Ports()) as relay:
        await relay.write("relay", True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def ports() -> FakePorts:
    return FakePorts()


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "pump.json"


def place(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def shown(path: Path) -> object:
    """Return what a bystander reads from the state file; it is alone in its folder."""
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return json.loads(path.read_text())


def run_and_kill(state_file: Path) -> int:
    """Switch a relay on in another process that is killed at once; return how it ended."""
    command = [sys.executable, "-c", KILLED, str(state_file)]
    return subprocess.run(command, timeout=20, check=False).returncode


async def test_a_relay_is_off_until_it_is_written(ports: FakePorts) -> None:
    """As a real one without power on its coil."""
    async with open_driver(Config(), ports) as relay:
        assert await relay.read_back("relay") is False
        await relay.write("relay", True)
        assert await relay.read_back("relay") is True


async def test_the_file_shows_what_the_relays_do(ports: FakePorts, state_file: Path) -> None:
    """One JSON object; relays that were never written are not in it."""
    config = Config(relays=("pump", "valve", "lamp"), state_file=state_file)
    async with open_driver(config, ports) as relay:
        await relay.write("valve", True)
        await relay.write("pump", False)
    assert shown(state_file) == {"pump": False, "valve": True}


async def test_the_state_outlives_a_killed_process_and_can_be_reset(
    ports: FakePorts, state_file: Path
) -> None:
    """A killed owner leaves its output on, as real ones do; whoever comes next switches it off."""
    killed = run_and_kill(state_file)
    assert killed == -signal.SIGKILL
    assert shown(state_file) == {"relay": True}
    async with open_driver(Config(state_file=state_file), ports) as relay:
        assert await relay.read_back("relay") is True
        await relay.write("relay", False)
    assert shown(state_file) == {"relay": False}


async def test_a_stuck_relay_takes_the_write_and_does_not_move(ports: FakePorts) -> None:
    """Welded contacts: only reading back tells."""
    async with open_driver(Config(stuck=("relay",)), ports) as relay:
        await relay.write("relay", True)
        assert await relay.read_back("relay") is False


async def test_a_dying_board_times_out(ports: FakePorts) -> None:
    """After that nobody can say what the relay does."""
    async with open_driver(Config(fail_after=1), ports) as relay:
        await relay.write("relay", True)
        with pytest.raises(DeviceTimeout, match="died after 1"):
            await relay.write("relay", False)
        assert await relay.read_back("relay") is True


@pytest.mark.parametrize("text", ["", "[]", '{"relay": 1}', "\x00garbage", "{" * 100])
async def test_a_file_of_something_else_is_a_fault(
    ports: FakePorts, state_file: Path, text: str
) -> None:
    """It is not overwritten either: it may be somebody's."""
    place(state_file, text.encode())
    async with open_driver(Config(state_file=state_file), ports) as relay:
        with pytest.raises(DeviceFault):
            await relay.read_back("relay")
        with pytest.raises(DeviceFault):
            await relay.write("relay", True)
    assert bytes_of(state_file) == text.encode()


async def test_a_file_that_is_no_text_is_a_fault(ports: FakePorts, state_file: Path) -> None:
    """Bytes that no encoding explains."""
    place(state_file, b"\xff\xfe\x80")
    async with open_driver(Config(state_file=state_file), ports) as relay:
        with pytest.raises(DeviceFault):
            await relay.read_back("relay")


async def test_a_place_that_cannot_be_written_is_absent(ports: FakePorts, tmp_path: Path) -> None:
    """The write did not happen, and says so."""
    (tmp_path / "file").touch()
    config = Config(state_file=tmp_path / "file" / "pump.json")
    async with open_driver(config, ports) as relay:
        with pytest.raises(DeviceAbsent):
            await relay.write("relay", True)


async def test_what_is_no_switch_value_moves_nothing(ports: FakePorts) -> None:
    """1 is not on."""
    async with open_driver(Config(), ports) as relay:
        with pytest.raises(DeviceFault, match="on or off"):
            await relay.write("relay", 1)
        assert await relay.read_back("relay") is False


def test_every_relay_is_an_output() -> None:
    """Under the names that were given."""
    channels = describe(Config(relays=("pump", "valve")))
    assert [channel.id for channel in channels] == ["pump", "valve"]
    assert all(is_output(channel) for channel in channels)


@pytest.mark.parametrize("wrong", [{"relays": ()}, {"relays": ("a", "a")}, {"stuck": ("valve",)}])
def test_relays_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    """When the file is read."""
    with pytest.raises(ValueError, match="relays"):
        Config(**wrong)
