"""The asking side of the control socket, for the verbs: one connection, blocking, with deadlines.

Where the socket is: in the service's runtime folder, else in `state_dir`. Several gateways may
run on one machine, so whoever answers is asked which one it is.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gatewayd.errors import GatewayError, NoDaemon

Json = dict[str, Any]

NAME = "gatewayd.sock"

HELLO_S = 2.0
"""A daemon whose loop turns answers within milliseconds, on a busy Pi Zero within a second."""

ANSWER_S = 70.0
"""A little more than the daemon gives itself, so that its own sentence arrives."""

LINE_BYTES_MAX = 16 * 1024 * 1024
"""An answer. A thousand channels with their status are half a megabyte."""


class Silent(NoDaemon):
    """Somebody listens and does not answer; `pid` is the process, 0 where that is not known."""

    def __init__(self, message: str, pid: int = 0) -> None:
        super().__init__(message)
        self.pid = pid


@dataclass(slots=True)
class Control:
    """One open connection to a daemon."""

    connection: socket.socket

    def ask(self, do: str, timeout_s: float = ANSWER_S, /, **request: object) -> object:
        """Return the result of one request.

        Raises:
            GatewayError: the daemon refuses it, with its sentence.
            NoDaemon: it went away.
            Silent: it does not answer in time.
        """
        line = json.dumps({"do": do, **request}).encode() + b"\n"
        try:
            self.connection.settimeout(timeout_s)
            self.connection.sendall(line)
            with self.connection.makefile("rb") as answers:
                told = answers.readline(LINE_BYTES_MAX)
        except TimeoutError as error:
            pid = self._pid()
            raise Silent(f"the daemon (process {pid}) does not answer", pid) from error
        except OSError as error:
            raise NoDaemon(f"the daemon does not answer: {error}") from error
        try:
            answer = json.loads(told)
            is_ok, error_text = answer["ok"], answer.get("error")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NoDaemon("the daemon closed the connection") from error
        if not is_ok:
            raise GatewayError(str(error_text))
        return answer.get("result")

    def ledger(self, tell: Callable[[float | None], object] = lambda counted: None) -> Json:
        """Return the ledger; a log of days is counted for minutes.

        Args:
            tell: told how far the count is, 0 to 1, and None at its end.
        """
        is_told = False
        while "counted" in (ledger := cast(Json, self.ask("ledger"))):
            tell(ledger["counted"])
            is_told = True
        if is_told:
            tell(None)
        return ledger

    @contextmanager
    def again(self, hello_s: float) -> Iterator[Control]:
        """Connect to the same daemon once more. Raises NoDaemon."""
        try:
            connection = _connect(Path(self.connection.getpeername()), hello_s)
        except OSError as error:
            raise Silent(f"the daemon does not answer: {error}", self._pid()) from error
        with connection:
            yield Control(connection)

    def _pid(self) -> int:
        """Return the process that listens."""
        size = struct.calcsize("3i")
        told = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", told)[0])


def socket_paths(state_dir: Path, runtime_dir: Path | None) -> list[Path]:
    """Return where the control socket may be, the better place first."""
    folders = [runtime_dir, state_dir] if runtime_dir else [state_dir]
    return [folder / NAME for folder in folders]


@contextmanager
def open_control(
    state_dir: Path | None, paths: list[Path], hello_s: float = HELLO_S
) -> Iterator[Control]:
    """Connect to the daemon whose state is in `state_dir`; None = to whichever answers.

    Raises:
        NoDaemon: there is none, or it does not answer.
        GatewayError: this user may not look, so nobody knows whether one runs.
    """
    reasons: list[str] = []
    for path in paths:
        try:
            connection = _connect(path, hello_s)
        except TimeoutError as error:
            # Its queue is full of others who wait in vain.
            raise Silent(f"{path} is not answered") from error
        except PermissionError as error:
            # Not "no daemon": the verb `safe` would then write beside a daemon that runs.
            raise GatewayError(
                f"{path} may not be opened by this user: be root or in the service's group"
            ) from error
        except OSError as error:
            reasons.append(f"{path}: {error.strerror or error}")
            continue
        with connection:
            control = Control(connection)
            whose = _owner(control, hello_s)
            if state_dir is None or whose == str(state_dir):
                yield control
                return
        reasons.append(f"{path} belongs to the gateway in {whose}")
    raise NoDaemon(f"no daemon is running ({'; '.join(reasons)})")


def find_owner(path: Path) -> str | None:
    """Return the state folder of the daemon that listens there, None if nobody does.

    Raises:
        NoDaemon: somebody listens and does not answer.
        OSError: the path cannot even be looked at.
    """
    try:
        connection = _connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    with connection:
        return _owner(Control(connection))


def _connect(path: Path, timeout_s: float = HELLO_S) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _owner(control: Control, hello_s: float = HELLO_S) -> str:
    hello = control.ask("hello", hello_s)
    return str(hello.get("state_dir")) if isinstance(hello, Mapping) else ""
