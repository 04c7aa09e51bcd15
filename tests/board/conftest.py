"""The virtual board: real kernel interfaces without hardware. `make board` runs it.

A QEMU guest (emulated, one processor) boots Debian's stock kernel. In it runs gatewayd from this
tree, as its own unit under systemd. What is attached is emulated, what lies between is not:

    I²C, GPIO   cp2112.py plays a USB adapter at /dev/uhid; hid-cp2112, i2c-dev, gpiolib are real
    USB serial  QEMU's adapter; ftdi_sio and udev are real; closing its socket pulls the plug
    Bluetooth   tag.py plays controller and tag; hci_uart, BlueZ and bleak are real
    watchdog    QEMU's i6300esb; its driver and systemd are real
    power       cut on a second board, whose disk is logged and put together again (doomed.py)
    cloud       the Thing+ sandbox in the test's process, the one thing that the guest can reach

Everything is made once and kept in .cache/board under a hash of what went in (cache.py). Where it
cannot be made or run, every test is skipped with the reason; `make clean` forgets all of it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.board.board import DEVICES, MQTT_PORT, SOCKETS, Board, furnished, install, start
from tests.board.cache import CACHE, CannotRun
from tests.board.guest import Machine, booted
from tests.board.parts import Parts, make_parts
from tests.board.stages import KEY, Stages
from tests.live.cloud import Cloud, open_cloud

LOGS = CACHE / "logs"
"""Of the last run: the service's, the machine's console, QEMU's and the radio's."""


@pytest.fixture(scope="session")
def stages(pytestconfig: pytest.Config) -> Stages:
    return pytestconfig.stash.setdefault(KEY, Stages(pytestconfig))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how long each stage and each test took."""
    stages = config.stash.get(KEY, None)
    if stages is None:
        return
    terminalreporter.section(f"virtual board; logs are in {LOGS}")
    for name, took_s in stages.took_s:
        terminalreporter.write_line(f"{took_s:7.1f} s  {name}")
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if report.when == "call":
                name = report.nodeid.rpartition("::")[2]
                terminalreporter.write_line(f"{report.duration:7.1f} s  {name}: {outcome}")


@pytest.fixture(scope="session")
def parts(stages: Stages) -> Parts:
    """What is built or fetched, where it is not in the cache."""
    try:
        return make_parts(stages)
    except CannotRun as reason:
        pytest.skip(str(reason))


@contextmanager
def kept_logs(place: str = "") -> Iterator[Path]:
    """Yield a folder, and keep its logs when it goes, in a place of their own if it has a name."""
    kept = LOGS / place
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="board-") as name:
        try:
            yield Path(name)
        finally:
            for log in Path(name).glob("*.log"):
                shutil.copy(log, kept)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, for a machine's sockets; its logs are kept in the cache."""
    with kept_logs() as folder:
        yield folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cloud() -> AsyncIterator[Cloud]:
    async with open_cloud() as cloud:
        yield cloud


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def board(parts: Parts, cloud: Cloud, stages: Stages) -> AsyncIterator[Board]:
    """The board with everything attached, and gatewayd running as its service."""
    async with AsyncExitStack() as stack:
        machine = Machine(
            image=parts.image,
            folder=stack.enter_context(kept_logs()),
            disks=[parts.program],
            sockets=SOCKETS,
            devices=DEVICES,
            forwards={MQTT_PORT: cloud.port},
        )
        with stages.stage("boot"):
            guest = await stack.enter_async_context(booted(machine))
        with stages.stage("hardware"):
            board = await stack.enter_async_context(furnished(guest, cloud, parts.radio))
        with stages.stage("service"):
            await install(board)
            await start(board)
        try:
            yield board
        finally:
            log = await guest.sh("journalctl -o short-precise -u gatewayd --no-pager")
            machine.folder.joinpath("gatewayd.log").write_text(log)
