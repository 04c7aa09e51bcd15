"""`gatewayd run`: the daemon, in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import DONE

if TYPE_CHECKING:
    from gatewayd.app import Gateway
    from gatewayd.cli import Subparsers
    from gatewayd.clock import Clock
    from gatewayd.config import Settings
    from gatewayd.notify import Notifier

HELP = "run the daemon in the foreground"

OUTPUTS_S = 3.0
"""For the outputs to be safe before the service counts as started; one that hangs is told by the
status, and whoever waits for the service is not held up by it."""

EXAMPLE = """\
example:
  gatewayd --config /etc/gatewayd/config.toml run --log-level debug

SIGTERM or Ctrl-C ends it: outputs safe, backlog on the card, clouds told, exit 0.
SIGHUP reads the configuration again: outputs go safe for a moment, the backlog is kept; a file
with mistakes changes nothing and is reported.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("run", help=HELP, epilog=EXAMPLE)
    levels = ("debug", "info", "warning", "error")
    parser.add_argument("--log-level", choices=levels, default="info")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until told to stop."""
    from gatewayd.cli._apart import load_apart
    from gatewayd.logs import configure_logs

    configure_logs(args.log_level)
    settings = load_apart(args.config, _import_parts)
    asyncio.run(run_for_ever(args.config, settings))
    # Everything is closed and on the card. What may be left is a thread that waits for a name
    # server, and the interpreter would wait for it beyond systemd's patience.
    os._exit(DONE)


def _import_parts() -> None:
    from importlib import import_module

    for name in ("gatewayd.app", "gatewayd.console.socket", "gatewayd.machine", "gatewayd.status"):
        import_module(name)


async def run_for_ever(path: Path, settings: Settings, clock: Clock | None = None) -> None:
    """Run one gateway after the other on a configuration that may be edited, until told to stop.

    `clock` stands in for the machine's own.
    """
    import structlog

    from gatewayd.cli._lastgood import keep_copy
    from gatewayd.notify import Notifier

    log, notifier = structlog.get_logger(), Notifier()
    signals = Signals()
    while not signals.stop.is_set():
        async with open_daemon(settings, notifier, signals.restart, clock) as gateway:
            log.info("running", gateway=settings.gateway.id)
            try:
                # What runs, not what the file says by now: it may have been edited meanwhile.
                keep_copy(path, settings.text, settings.gateway.state_dir)
            except OSError as error:
                log.warning("no copy of the configuration", reason=str(error))
            await gateway.wait_outputs(OUTPUTS_S)
            notifier.tell(READY=1, STATUS="running")
            while (wanted := await signals.wait()) != "stop":
                found = reread(path)
                settings = found or settings
                if found or wanted == "restart":
                    break
            else:
                notifier.tell(STOPPING=1)
    log.info("stopped")


def reread(path: Path) -> Settings | None:
    """Return the settings of a file that was edited, or log why it is not used."""
    import structlog

    from gatewayd.config import inspect
    from gatewayd.errors import ConfigError

    log = structlog.get_logger()
    found, problems = inspect(path)
    for problem in problems:
        log.warning("configuration", problem=str(problem))
    try:
        if found is not None:
            make_state_dir(found)
            return found
    except ConfigError as error:
        log.warning("configuration", problem=str(error))
    log.error("configuration has mistakes and is not used")
    return None


def make_state_dir(settings: Settings) -> None:
    """Make the folder for the state where it is missing.

    Raises:
        ConfigError: that is not possible there.
    """
    from gatewayd.errors import ConfigError

    folder = settings.gateway.state_dir
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"state_dir {folder} cannot be made: {error.strerror}") from error


class Signals:
    """What the service manager, a person or a permitted cloud wants of the process."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._wanted: asyncio.Queue[str] = asyncio.Queue()
        self.stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._came_stop)
        loop.add_signal_handler(signal.SIGHUP, self._wanted.put_nowait, "reload")

    def restart(self) -> None:
        """Begin the gateway anew, with the new configuration if it is good."""
        self._wanted.put_nowait("restart")

    def _came_stop(self) -> None:
        self.stop.set()
        self._wanted.put_nowait("stop")

    async def wait(self) -> str:
        """Return `stop`, `reload` or `restart`, whatever is wanted next; `stop` goes first."""
        wanted = await self._wanted.get()
        return "stop" if self.stop.is_set() else wanted


@asynccontextmanager
async def open_daemon(
    settings: Settings,
    notifier: Notifier,
    restart: Callable[[], None],
    clock: Clock | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway with what only a daemon has: control socket, watchdog, machine control."""
    from gatewayd.app import crew, open_gateway
    from gatewayd.clock import SystemClock
    from gatewayd.console.client import socket_paths
    from gatewayd.console.socket import bind_control, serve_control
    from gatewayd.machine import management
    from gatewayd.status import surface_of

    own = settings.gateway
    make_state_dir(settings)
    with bind_control(own.state_dir, socket_paths(own.state_dir, own.runtime_dir)) as listener:
        async with (
            open_gateway(settings, clock or SystemClock(), manage=management(restart)) as gateway,
            crew(
                gateway.lookout.feed(notifier),
                serve_control(listener, surface_of(gateway)),
                *console_tasks(settings, gateway),
            ),
        ):
            yield gateway


def console_tasks(settings: Settings, gateway: Gateway) -> list[Coroutine[Any, Any, None]]:
    """Return the console's one task, an edge; none without `listen`, nor what it would import."""
    if settings.console.listen is None:
        return []
    from importlib import import_module

    from gatewayd.status import surface_of
    from gatewayd.supervise import supervise

    async def serve() -> None:
        # Loading takes 0.2 s on a PC and 2 s on a Pi Zero; the outputs' clocks must not wait.
        loop = asyncio.get_running_loop()
        names = ("gatewayd.console.http", "gatewayd.console.http_apps", "gatewayd.app_calls")
        http, apps, calls = [
            await loop.run_in_executor(None, import_module, name) for name in names
        ]
        mounts = apps.make_apps(calls.local_apps(gateway))
        await http.serve_console(settings.console, surface_of(gateway), mounts)

    return [supervise("console", serve)]
