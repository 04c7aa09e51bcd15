"""The control socket: local users in the service's group ask, and operate outputs.

Characteristics: in lines of JSON · out one line of JSON for each, in order · buffered one request
a client · `CLIENTS_MAX` clients; a further one gets the place of whoever has been silent longest,
if that is more than `SILENT_S`, else it is told to come back · mode 0660.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from gatewayd.console.answers import answer
from gatewayd.console.client import find_owner
from gatewayd.console.roles import LOCAL
from gatewayd.console.surface import ControlSurface, Json
from gatewayd.errors import ConfigError, GatewayError

CLIENTS_MAX = 16
"""People and scripts at one gateway; each costs a buffer and a task."""

REQUEST_BYTES_MAX = 64 * 1024
"""A command is a hundred bytes."""

FIRST_S = 5.0
"""For a client's first request: who connects has something to say. Programs say it at once."""

IDLE_S = 60.0
"""A client that asks nothing more this long has been forgotten in some terminal. What watches
asks every few seconds, or comes anew each time."""

SILENT_S = 1.0
"""From here on a silent client's place is another's if all are taken: `gatewayd safe` tries for a
little longer, so that no crowd keeps it out. Shorter, and a client on a busy machine loses its
place before it has said a word."""

WRITE_S = 10.0
"""For a client to take its answer."""


CREDENTIALS = struct.Struct("3i")
"""Process, user and group of the peer, by SO_PEERCRED of Linux' unix(7)."""


@contextmanager
def bind_control(state_dir: Path, paths: Iterable[Path]) -> Iterator[socket.socket]:
    """Take the control socket, before anything else is touched: it also tells that we run.

    Args:
        paths: where it may be, the better place first; a place that another gateway uses or
            that may not be written is passed over.

    Raises:
        ConfigError: this gateway is running already, or there is no place.
    """
    listener, path = _bind_first(state_dir, paths)
    with listener:
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


async def serve_control(listener: socket.socket, surface: ControlSurface) -> None:
    """Answer whoever asks, until cancelled. The listener stays open for the next life."""
    async with asyncio.TaskGroup() as group:
        clients = _Clients(surface, group)
        server = await asyncio.start_unix_server(
            clients.welcome, sock=listener.dup(), limit=REQUEST_BYTES_MAX
        )
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            # Not `async with server`: since Python 3.12 that waits for the clients, who are
            # cancelled only after this block.
            server.close()


@dataclass(eq=False, slots=True)
class _Client:
    """One connection. `silent_since_s` is None while it is being answered."""

    writer: asyncio.StreamWriter
    silent_since_s: float | None

    def cut(self) -> None:
        """Take its place away."""
        self.writer.write(_line({"ok": False, "error": "silent too long; others wait"}))
        self.writer.close()


@dataclass(slots=True)
class _Clients:
    surface: ControlSurface
    group: asyncio.TaskGroup
    connected: set[_Client] = field(default_factory=set)

    def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one client, or send it away."""
        now_s = asyncio.get_running_loop().time()
        if len(self.connected) >= CLIENTS_MAX and not self._make_room(now_s):
            writer.write(_line({"ok": False, "error": "too many clients; try again"}))
            writer.close()
            return
        client = _Client(writer, now_s)
        self.connected.add(client)
        self.group.create_task(self.attend(reader, client))

    def _make_room(self, now_s: float) -> bool:
        """Cut whoever has been silent longest; return whether there was one."""
        silent = find_silent([each.silent_since_s for each in self.connected], now_s)
        for each in self.connected:
            if silent is not None and each.silent_since_s == silent:
                self.connected.discard(each)
                each.cut()
                return True
        return False

    async def attend(self, reader: asyncio.StreamReader, client: _Client) -> None:
        """Answer one client until it leaves, falls silent or talks nonsense."""
        writer, loop, patience_s = client.writer, asyncio.get_running_loop(), FIRST_S
        try:
            origin = await _origin(writer.get_extra_info("socket"))
            while request := await self._next_line(reader, writer, patience_s):
                if client not in self.connected:
                    return  # Cut as it spoke: it was told so, and nothing is done for it.
                client.silent_since_s, patience_s = None, IDLE_S
                await _send(writer, await answer(self.surface, _parse(request), origin))
                client.silent_since_s = loop.time()
        except (TimeoutError, OSError):
            return  # It left, or forgot us; nothing is owed to it.
        finally:
            self.connected.discard(client)
            writer.close()

    async def _next_line(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience_s: float
    ) -> bytes:
        try:
            async with asyncio.timeout(patience_s):
                return await reader.readline()
        except ValueError:  # What StreamReader raises for a line beyond its limit.
            await _send(writer, {"ok": False, "error": "the request is too long"})
            return b""


def find_silent(since_s: Iterable[float | None], now_s: float) -> float | None:
    """Return since when the client has been silent whose place may be given away, or None.

    Args:
        since_s: of each client; None = it is being answered.
    """
    silent = [at_s for at_s in since_s if at_s is not None and now_s - at_s > SILENT_S]
    return min(silent, default=None)


async def _origin(peer: socket.socket) -> str:
    """Return which of this machine's users asks, as the kernel says: `local:unix/alice`.

    Raises:
        OSError: the client is gone.
    """
    told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(told)
    return await asyncio.get_running_loop().run_in_executor(None, _name_of, user)


def _name_of(user: int) -> str:
    try:
        return f"{LOCAL}:unix/{pwd.getpwuid(user).pw_name}"
    except KeyError:  # One of a container, or deleted since.
        return f"{LOCAL}:unix/{user}"


def _parse(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _line(told: Json) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS) + b"\n"


async def _send(writer: asyncio.StreamWriter, told: Json) -> None:
    writer.write(_line(told))
    async with asyncio.timeout(WRITE_S):
        await writer.drain()


def _bind_first(state_dir: Path, paths: Iterable[Path]) -> tuple[socket.socket, Path]:
    reasons: list[str] = []
    for path in paths:
        try:
            owner = find_owner(path)
            if owner is None:
                return _bind(path), path
        except GatewayError:
            owner = str(state_dir)  # Somebody listens there; if it hangs, all the more reason.
        except OSError as error:
            reasons.append(f"{path}: {error.strerror or error}")
            continue
        if owner == str(state_dir):
            raise ConfigError(f"another gatewayd runs with {state_dir} (it listens at {path})")
        reasons.append(f"{path} belongs to the gateway in {owner}")
    raise ConfigError(f"no place for the control socket: {'; '.join(reasons)}")


def _bind(path: Path) -> socket.socket:
    """Replace what a dead daemon left there. Raises OSError."""
    if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
        raise FileExistsError(f"{path} is a file, not a socket")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o117)  # From its first moment on it is the group's and nobody else's.
    try:
        listener.bind(str(path))
        listener.listen(CLIENTS_MAX)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(umask)
    return listener
