"""A board whose state is on a disk that is logged, and its life until the power goes.

On it runs gatewayd as its unit, with a device that counts ten times a second, an alarm, an output
and two clouds; and beside it two scribes (scribe.py). The service is killed once and restarted
once; one of its clouds is away for most of the time. What is in /run is in memory, as on any board.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from gatewayd.clouds.thingplus.sandbox.calls import NoAnswer
from tests.board.board import PYTHON, START_S, configure, install_unit
from tests.board.cache import ROOT
from tests.board.disklog import words
from tests.board.guest import GATE, Guest, GuestError, Machine, booted, until
from tests.board.parts import Parts
from tests.board.reopened import LABEL
from tests.board.witness import Seen, Witness
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import GATEWAY

STATE = "/var/lib/gatewayd"
COMMIT_S = 2.0
SAVE_S = 10.0
"""Of totals; it may not be less."""

TYPES = {
    "meter/count": "number",
    "meter/total": "number",
    "meter/level": "number",
    "meter/level_alarm": "onoff",
    "pump/relay": "powerSwitch",
}
TOTAL, LEVEL, ALARM, PUMP = "meter/total", "meter/level", "meter/level_alarm", "pump/relay"

CLOUD_PORTS = {"owed": 1883, "witness": 1884}
"""The uplinks, and where the guest finds their clouds."""

METER_PORT = 4001
SCRIBES = ("careful", "careless")
SCRIBE_FILES = ("board/scribe.py", "gatewayd/outbox/story.py")

PAUSE_S = 0.1
RING_S = (3.0, 6.0)
"""The level crosses its threshold after so long."""

COMMAND_S = 1.5
ALWAYS = -1


@dataclass(slots=True)
class Meter:
    """A device that counts, and whose level is above 0 for a while, then below."""

    chance: random.Random = field(default_factory=lambda: random.Random(1))
    number: int = 0
    firsts: list[int] = field(default_factory=list)
    """The first number that each listener was told."""
    port: int = 0

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak to one listener until it is gone."""
        now_s = asyncio.get_running_loop().time
        sign, turn_s = -1, now_s()
        self.firsts.append(self.number + 1)
        with suppress(ConnectionError):
            while not reader.at_eof():
                self.number += 1
                if now_s() >= turn_s:
                    sign, turn_s = -sign, now_s() + self.chance.uniform(*RING_S)
                n = self.number
                writer.write(b"%d,%d,%d\n" % (n, n, sign * n))
                await writer.drain()
                await asyncio.sleep(PAUSE_S)
        writer.close()


@asynccontextmanager
async def metering() -> AsyncIterator[Meter]:
    """Plug the device in."""
    meter = Meter()
    server = await asyncio.start_server(meter.attend, "127.0.0.1", 0)
    meter.port = server.sockets[0].getsockname()[1]
    try:
        yield meter
    finally:
        server.close()


def document() -> Mapping[str, Any]:
    """Return the configuration."""
    columns = {"count": 1, "total": 2, "level": 3}
    return {
        "gateway": {"id": GATEWAY, "name": "Doomed"},
        "outbox": {"commit_interval": f"{COMMIT_S:g}s"},
        "totals": {"save": f"{SAVE_S:g}s"},
        "device": {
            "meter": {
                "driver": "lines",
                "port": f"socket://{GATE}:{METER_PORT}",
                "format": "csv",
                "fields": {name: {"kind": "number", "column": at} for name, at in columns.items()},
                "channel": {"total": {"counter": True}, "level": {"alarm": {"above": 0}}},
            },
            "pump": {
                "driver": "sim_relay",
                "state_file": "/run/gatewayd/pump.json",
                "safe": "off",
                "hold_max": "1h",
                "cycles_max": 5000,
            },
        },
        "uplink": {name: _uplink(port) for name, port in CLOUD_PORTS.items()},
    }


def _uplink(port: int) -> Mapping[str, Any]:
    return {
        "kind": "thingplus",
        "host": GATE,
        "port": port,
        "tls": False,
        "api_key": API_KEY,
        "series_interval": "0s",
        "reconnect_min": "0s",
        "ack_timeout": "2s",
    }


@dataclass(slots=True)
class World:
    """What is around a board, and goes on when its power is gone."""

    parts: Parts
    clouds: dict[str, Cloud]
    meter: Meter

    @asynccontextmanager
    async def board(self, folder: Path, disk: Path) -> AsyncIterator[Guest]:
        """Boot a board with a disk for its state; what it is told is logged in `folder`."""
        self.log_in(folder).touch()
        forwards = {port: self.clouds[name].port for name, port in CLOUD_PORTS.items()}
        machine = Machine(
            image=self.parts.image,
            folder=folder,
            disks=[self.parts.program],
            sockets=SCRIBES,
            devices=[f"virtserialport,chardev={name},name={name}" for name in SCRIBES],
            forwards=forwards | {METER_PORT: self.meter.port},
            words=words(disk, self.log_in(folder)),
        )
        async with booted(machine) as guest:
            await furnish(guest)
            try:
                yield guest
            finally:
                if guest.process.poll() is None:
                    # An agent that was given up on may answer late, and something else.
                    with suppress(GuestError, TimeoutError, KeyError):
                        await self.keep_journal(guest)

    @staticmethod
    async def keep_journal(guest: Guest) -> None:
        """Keep what was logged in a guest."""
        log = await guest.sh("journalctl -o short-precise --no-pager | tail -n 2000")
        guest.machine.folder.joinpath("journal.log").write_text(log)

    @staticmethod
    def log_in(folder: Path) -> Path:
        """Return where a disk's requests are logged."""
        return folder / "requests"


@dataclass(slots=True)
class Doomed:
    """The board, and who looks at it.

    Attributes:
        commands: (id, when it was answered that it is done).
        busy: entries of the log at which something was opened.
    """

    guest: Guest
    meter: Meter
    clouds: Mapping[str, Cloud]
    witness: Witness
    commands: list[tuple[str, Seen]] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)

    async def live(self) -> None:
        """Live the life for which the disk is logged."""
        owed = self.clouds["owed"].sandbox
        async with asyncio.TaskGroup() as tasks:
            for name in SCRIBES:
                await self._scribble(name)
            await self.start()
            commanding = tasks.create_task(self._command())
            await asyncio.sleep(4)
            await owed.refuse_connections()
            await asyncio.sleep(7)
            await owed.accept_connections()
            await asyncio.sleep(4)
            await owed.refuse_connections()
            await asyncio.sleep(3)
            await self._restart("systemctl kill -s KILL --kill-who=main gatewayd")
            await asyncio.sleep(6)
            await self._restart("systemctl restart gatewayd")
            owed.broker.faults.lose_ack = ALWAYS
            await owed.accept_connections()
            await asyncio.sleep(4)
            owed.broker.faults.lose_ack = 0
            await asyncio.sleep(3)
            await owed.refuse_connections()
            await asyncio.sleep(5)
            commanding.cancel()

    async def start(self) -> None:
        """Start the service; the witness has news of it when this returns."""
        self.busy.append(self.witness.now().entries)
        await self.guest.sh(
            "systemctl start gatewayd || { journalctl -u gatewayd -n 20 --no-pager >&2; false; }",
            deadline_s=START_S,
        )
        await self._wait_listener(1)

    async def _restart(self, how: str) -> None:
        """End the service in some way, and wait until another daemon delivers."""
        listeners, start = len(self.meter.firsts), self.witness.now()
        self.busy.append(start.entries)
        await self.guest.sh(how, deadline_s=START_S)
        await self._wait_listener(listeners + 1)
        up = self.witness.now()
        self.busy.append(up.entries)
        self.witness.down.append((start.at_s, up.at_s))

    async def _wait_listener(self, count: int) -> None:
        """Wait until the witness has what the device told its so manyeth listener."""

        async def has_news() -> bool:
            if len(self.meter.firsts) < count:
                return False
            numbers = self.clouds["witness"].numbers("meter/count")
            return bool(numbers) and numbers[-1] >= self.meter.firsts[count - 1]

        await until(has_news, f"daemon {count} delivers", START_S)

    async def _command(self) -> None:
        """Have the pump switched on and off; note what was said to be done, and when."""
        cloud = self.clouds["witness"]
        for number in count():
            await asyncio.sleep(COMMAND_S)
            with suppress(NoAnswer):
                answer = await cloud.command(PUMP, ("on", "off")[number % 2], f"c{number}")
                if answer.code is None:
                    self.commands.append((f"c{number}", self.witness.now()))

    async def _scribble(self, name: str) -> None:
        """Have a scribe write on the same disk, until the power goes."""
        await self.guest.sh(
            f"mkdir -p /run/{name} && systemd-run --quiet --unit={name} "
            f"--working-directory=/opt/board {PYTHON} -m tests.board.scribe "
            f"{STATE}/{name} /run/{name} /dev/virtio-ports/{name} {name}"
        )


async def furnish(guest: Guest) -> None:
    """Put the disk, the scribes and the service in place; nothing runs yet."""
    await guest.sh(f"mkdir -p {STATE} && mount LABEL={LABEL} {STATE}")
    for name in SCRIBE_FILES:
        await guest.put(f"/opt/board/tests/{name}", (ROOT / "tests" / name).read_bytes())
    await install_unit(guest)
    await configure(guest, document())
