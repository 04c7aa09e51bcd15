"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from gatewayd.notify import Notifier


def test_the_manager_hears_every_variable(tmp_path: Path) -> None:
    """One datagram, a line each."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        Notifier({"NOTIFY_SOCKET": path}).tell(READY=1, STATUS="running")
        assert manager.recv(4096) == b"READY=1\nSTATUS=running"


def test_an_abstract_socket_is_reached_too() -> None:
    """Its name begins with @ in the variable and with NUL on the wire."""
    name = f"gatewayd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).tell(WATCHDOG=1)
        assert manager.recv(4096) == b"WATCHDOG=1"


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    """Neither an unset variable nor a manager that is gone is any trouble."""
    Notifier({}).tell(READY=1)
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.tell(READY=1)
    assert gone.watchdog_s == 0


def test_the_watchdog_is_ours_only_if_it_names_us() -> None:
    """A child that inherits the environment is not meant."""
    mine = {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier(mine).watchdog_s == 60
    assert Notifier({**mine, "WATCHDOG_PID": "1"}).watchdog_s == 0
