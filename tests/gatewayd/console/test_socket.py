"""The control socket on a real Unix socket: who may ask, what they get, what they cannot break."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatewayd.board import Board
from gatewayd.clock import SystemClock
from gatewayd.console.client import NAME, Control, open_control
from gatewayd.console.socket import (
    CLIENTS_MAX,
    REQUEST_BYTES_MAX,
    SILENT_S,
    _name_of,
    bind_control,
    find_silent,
    serve_control,
)
from gatewayd.console.surface import ControlSurface, Json
from gatewayd.errors import ConfigError, GatewayError, NoDaemon
from gatewayd.model import Channel, ChannelId, Command, Outcome, Reading, Status
from gatewayd.outbox.ledger import Balance

PUMP = ChannelId("pump/relay")
NOBODY = 65534


@dataclass
class House:
    """A gateway that remembers what it was told."""

    state_dir: Path
    commands: list[Command] = field(default_factory=list)
    delay_s: float = 0.0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path(self) -> Path:
        return self.state_dir / NAME

    def surface(self) -> ControlSurface:
        async def status() -> Json:
            return {"gateway": {"id": "a"}}

        async def ledger() -> dict[str, Balance]:
            return {"cloud": Balance(5, 3, 2, 2, {})}

        async def refresh(device: str) -> list[Reading]:
            return []

        async def make_safe() -> dict[ChannelId, Outcome]:
            return {PUMP: Outcome(Status.DONE, "", False, True)}

        channels = {PUMP: Channel(PUMP, "switch")}
        return ControlSurface(
            str(self.state_dir),
            SystemClock(),
            Board(),
            channels,
            status,
            ledger,
            refresh,
            self.submit,
            make_safe,
        )

    async def submit(self, command: Command) -> Outcome:
        self.commands.append(command)
        self.was_asked.set()
        await asyncio.sleep(self.delay_s)
        return Outcome(Status.DONE, "", command.value, True)


@asynccontextmanager
async def served(house: House) -> AsyncIterator[None]:
    with bind_control(house.state_dir, [house.path]) as listener:
        serving = asyncio.ensure_future(serve_control(listener, house.surface()))
        try:
            yield
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def ask(house: House, do: str, **request: object) -> object:
    """Ask as a verb does, from another thread."""

    def blocking() -> object:
        with open_control(house.state_dir, [house.path]) as control:
            return control.ask(do, 5.0, **request)

    return await asyncio.get_running_loop().run_in_executor(None, blocking)


async def say(house: House, line: bytes) -> bytes:
    """Send raw bytes and return the first line that comes back."""
    reader, writer = await asyncio.open_unix_connection(str(house.path))
    async with asyncio.timeout(5):
        writer.write(line)
        told = await reader.readline()
    writer.close()
    return told


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_command_goes_the_way_of_all_commands(house: House) -> None:
    """`set` reaches the desk under the user whom the kernel names, and its outcome comes back."""
    async with served(house):
        told = await ask(house, "set", channel=PUMP, value="on", hold_s=30, request_id="7")
    assert isinstance(told, dict)
    assert (told["status"], told["value"], told["is_verified"]) == ("done", "on", True)
    origin = f"local:unix/{pwd.getpwuid(os.getuid()).pw_name}"
    assert house.commands == [Command(origin, "7", PUMP, "on", 30.0)]


async def test_one_connection_asks_many_things(house: House) -> None:
    """Requests are answered in order, one line each."""
    async with served(house):
        reader, writer = await asyncio.open_unix_connection(str(house.path))
        writer.write(b'{"do":"hello"}\n{"do":"status"}\n{"do":"ledger"}\n')
        async with asyncio.timeout(5):
            told = [json.loads(await reader.readline())["result"] for _ in range(3)]
        writer.close()
    assert told[0] == {"state_dir": str(house.state_dir)}
    assert told[1] == {"gateway": {"id": "a"}}
    assert told[2]["is_balanced"] is True


async def test_the_socket_is_the_groups_and_nobody_elses(house: House) -> None:
    """Mode 0660: local users in the service's group."""
    async with served(house):
        assert house.path.stat().st_mode & 0o777 == 0o660
    assert not house.path.exists(), "it goes with the daemon"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"what?\n", "a request is a JSON object"),
        (b"[1, 2]\n", "a request is a JSON object"),
        (b'{"do": "explode"}\n', "unknown request"),
        (b'{"do": "set", "channel": 5, "value": 1}\n', "channel is not a text"),
        (b'{"do": "set", "channel": "pump/relay"}\n', "value is missing"),
        (b'{"do": "set", "channel": "p/r", "value": 1, "hold_s": "5"}\n', "hold_s is not a number"),
        (b'{"do": "read", "channel": "nobody"}\n', "no device or channel"),
        (b"x" * (REQUEST_BYTES_MAX * 3), "the request is too long"),
    ],
)
async def test_nonsense_is_answered_with_a_sentence(house: House, line: bytes, said: str) -> None:
    """Whatever is sent, the daemon says what was wrong and goes on serving."""
    async with served(house):
        assert said in json.loads(await say(house, line))["error"]
        assert await ask(house, "status") == {"gateway": {"id": "a"}}
    assert not house.commands


async def test_there_is_room_for_so_many_clients(house: House) -> None:
    """One more is told to come back; when one leaves there is room again."""
    async with served(house):
        crowd = [await asyncio.open_unix_connection(str(house.path)) for _ in range(CLIENTS_MAX)]
        refused = await asyncio.wait_for(say(house, b""), 5)
        assert b"too many clients" in refused
        for _, writer in crowd:
            writer.close()
        async with asyncio.timeout(5):
            while b"too many" in await say(house, b'{"do":"hello"}\n'):
                pass


async def test_a_client_that_leaves_in_the_middle_cancels_nothing(house: House) -> None:
    """The command takes its course and the daemon lives on."""
    house.delay_s = 0.05
    async with served(house):
        _, writer = await asyncio.open_unix_connection(str(house.path))
        writer.write(b'{"do":"set","channel":"pump/relay","value":1}\n')
        await writer.drain()
        writer.close()
        await asyncio.wait_for(house.was_asked.wait(), 5)
        assert await ask(house, "hello") == {"state_dir": str(house.state_dir)}


async def test_a_second_daemon_is_refused(house: House) -> None:
    """Two daemons would be two writers of every output."""
    async with served(house):
        second = asyncio.get_running_loop().run_in_executor(None, take, house)
        with pytest.raises(ConfigError, match="another gatewayd runs"):
            await second
        assert await ask(house, "hello"), "the first one goes on"


def test_a_hanging_daemon_counts_as_running(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens and does not answer may still hold the outputs."""
    monkeypatch.setattr("gatewayd.console.client.HELLO_S", 0.1)
    running = pytest.raises(ConfigError, match="another gatewayd runs")
    with bind_control(house.state_dir, [house.path]), running:
        take(house)


def test_the_socket_of_a_dead_daemon_is_replaced(house: House) -> None:
    """A crash leaves its socket behind; the next start is not in its way."""
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(house.path))
    dead.close()
    take(house)


def test_a_file_of_that_name_is_not_touched(house: House) -> None:
    """What is no socket was not ours."""
    house.path.write_text("precious")
    with pytest.raises(ConfigError, match="is a file, not a socket"):
        take(house)
    assert house.path.read_text() == "precious"


def test_a_place_that_cannot_be_used_is_passed_over(house: House, tmp_path: Path) -> None:
    """Without a runtime folder the socket is in the state folder."""
    paths = [tmp_path / "nowhere" / NAME, house.path]
    with bind_control(house.state_dir, paths):
        assert house.path.is_socket()


async def test_another_gateway_is_not_mistaken_for_ours(house: House, tmp_path: Path) -> None:
    """Two gateways share a runtime folder: the second listens elsewhere, and is found there."""
    async with served(house):
        mine = tmp_path / "mine"
        mine.mkdir()
        with pytest.raises(NoDaemon, match="belongs to the gateway in"):
            await asyncio.get_running_loop().run_in_executor(None, connect, mine, [house.path])
        bound = asyncio.get_running_loop().run_in_executor(
            None, lambda: take_at(mine, [house.path, mine / NAME])
        )
        assert await bound == mine / NAME


def test_without_a_daemon_there_is_a_sentence(house: House) -> None:
    """The place that was looked at is named."""
    with pytest.raises(NoDaemon, match="no daemon is running"):
        connect(house.state_dir, [house.path])


def test_who_may_not_look_does_not_hear_that_nobody_is_there(house: House) -> None:
    """Else `safe`, run by a user outside the group, would write beside a running daemon."""
    house.state_dir.chmod(0)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(NOBODY)  # For root no door is closed.
        with pytest.raises(GatewayError, match="may not be opened") as raised:
            connect(house.state_dir, [house.path])
    finally:
        if is_root:
            os.seteuid(0)
        house.state_dir.chmod(0o700)
    assert not isinstance(raised.value, NoDaemon)


def test_a_daemon_that_closes_early_is_no_daemon() -> None:
    """Half an answer is none."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b'{"ok": tr')
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(NoDaemon, match="closed the connection"):
            Control(ours).ask("status")


def connect(state_dir: Path, paths: list[Path]) -> None:
    with open_control(state_dir, paths):
        pass


def take(house: House) -> None:
    take_at(house.state_dir, [house.path])


def take_at(state_dir: Path, paths: list[Path]) -> Path:
    with bind_control(state_dir, paths) as listener:
        return Path(listener.getsockname())


def test_a_user_whom_the_machine_does_not_know_has_a_number() -> None:
    """One of a container, or deleted since."""
    assert _name_of(4_000_000) == "local:unix/4000000"


async def crowd_of(house: House, count: int) -> list[asyncio.StreamWriter]:
    """Return clients that have connected and say nothing."""
    opened = [await asyncio.open_unix_connection(str(house.path)) for _ in range(count)]
    return [writer for _, writer in opened]


async def test_a_silent_crowd_keeps_nobody_out(house: House) -> None:
    """After a second a silent client's place is another's; it is told why."""
    async with served(house):
        first, writer = await asyncio.open_unix_connection(str(house.path))
        crowd = await crowd_of(house, CLIENTS_MAX - 1)
        await asyncio.sleep(SILENT_S + 0.1)  # The time itself.
        assert json.loads(await say(house, b'{"do":"hello"}\n'))["ok"]
        async with asyncio.timeout(5):
            told = json.loads(await first.readline())
        assert not told["ok"]
        assert "others wait" in told["error"]
        for each in (writer, *crowd):
            each.close()


async def test_who_is_being_answered_or_asks_now_and_then_keeps_its_place(house: House) -> None:
    """However many come: the silent ones go first."""
    house.delay_s = 3 * SILENT_S
    async with served(house):
        slow, asking = await asyncio.open_unix_connection(str(house.path))
        asking.write(b'{"do":"set","channel":"pump/relay","value":1}\n')
        watching, watcher = await asyncio.open_unix_connection(str(house.path))
        crowd = await crowd_of(house, CLIENTS_MAX - 2)
        await asyncio.sleep(SILENT_S + 0.1)  # The time itself.
        for _ in range(CLIENTS_MAX - 2):
            watcher.write(b'{"do":"hello"}\n')
            came, newcomer = await asyncio.open_unix_connection(str(house.path))
            newcomer.write(b'{"do":"hello"}\n')
            async with asyncio.timeout(5):
                assert json.loads(await watching.readline())["ok"]
                assert json.loads(await came.readline())["ok"]
            crowd.append(newcomer)
        async with asyncio.timeout(10):
            assert json.loads(await slow.readline())["result"]["status"] == "done"
        for each in (asking, watcher, *crowd):
            each.close()


async def test_who_never_says_a_word_does_not_stay(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody else wants in."""
    monkeypatch.setattr("gatewayd.console.socket.FIRST_S", 0.05)
    async with served(house):
        reader, writer = await asyncio.open_unix_connection(str(house.path))
        async with asyncio.timeout(5):
            assert await reader.readline() == b""
        writer.close()


def test_whose_place_is_given_away() -> None:
    """The longest silent, none that was heard of a moment ago, none that is being answered."""
    assert find_silent([5.0, 3.0, None, 9.9], 10.0) == 3.0
    assert find_silent([None, None], 1e9) is None
    assert find_silent([10.0 - SILENT_S], 10.0) is None
    assert find_silent([], 10.0) is None
