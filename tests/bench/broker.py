"""mosquitto on a loopback port of its own."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.child import Child, spawn

START_S = 5.0
PATHS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def free_port() -> int:
    """Return a TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_port(port: int, child: Child, within_s: float = START_S) -> None:
    """Return when the port takes connections.

    Raises:
        RuntimeError: it does not in time, or the process behind it has ended.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        child.check_alive()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"port {port} did not open within {within_s} s: {child.tail()}")


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """Run a broker that keeps nothing and limits nothing; yield its port."""
    program = shutil.which("mosquitto", path=PATHS)
    if program is None:
        raise RuntimeError("mosquitto is not installed")
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_queued_messages 0\nmax_inflight_messages 1000\nlog_type error\nset_tcp_nodelay true\n"
    )
    with spawn([program, "-c", config], folder / "mosquitto.log") as child:
        wait_port(port, child)
        yield port
