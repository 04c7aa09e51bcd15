"""Simulated relays, for demonstrations, training and tests; no hardware.

Channels:
    relay (switch), written and read back; or the names in `relays`

Example:

    [device.pump]
    driver = "sim_relay"
    relays = ["relay"]
    state_file = "/run/gatewayd/pump.json"      # so that others see what the relays do
    safe = "off"

With a `state_file` the relays live in that file as real ones live on their board: they keep
their state when the gateway dies, and another process can see and set it.

Tested: itself, through the whole daemon.

Source: none; its behaviour is what the tests of this program need.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Access, Channel, Value
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from gatewayd.ports import Ports

FILE_S = 2.0
"""One access to the state file: microseconds on a tmpfs, a second at worst on a busy card."""

STATE_BYTES_MAX = 64 * 1024
"""Hundreds of relays; a larger file is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        relays: channel names.
        state_file: where the relays live, or None for memory.
        fail_after: this many writes succeed, every later one times out: a board that dies.
        stuck: relays whose contacts are welded: writes succeed and change nothing.
    """

    relays: tuple[str, ...] = ("relay",)
    state_file: Path | None = None
    fail_after: int | None = None
    stuck: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.relays or len(set(self.relays)) < len(self.relays):
            raise ValueError("relays are named, each once")
        if not set(self.stuck) <= set(self.relays):
            raise ValueError("stuck names relays that are in `relays`")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one output per relay."""
    return tuple(Channel(name, "switch", access=Access.WRITE) for name in config.relays)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[SimRelay]:
    """Yield the relays."""
    worker = Worker("sim_relay")
    try:
        yield SimRelay(config, worker)
    finally:
        await worker.close()


class SimRelay:
    """Relays in a file or in memory."""

    def __init__(self, config: Config, worker: Worker) -> None:
        self._config = config
        self._worker = worker
        self._memory: dict[str, bool] = {}
        self._writes = 0

    async def write(self, channel: str, value: Value) -> None:
        """Switch one relay.

        Raises:
            DeviceTimeout: `fail_after` writes have been made.
            DeviceAbsent: the state file cannot be written.
            DeviceFault: no switch value, or the file holds something else.
        """
        if not isinstance(value, bool):
            raise DeviceFault(f"a relay is on or off, not {value!r}")
        if self._config.fail_after is not None and self._writes >= self._config.fail_after:
            raise DeviceTimeout(f"the simulated board died after {self._writes} writes")
        self._writes += 1
        if channel not in self._config.stuck:
            await self._worker.run(self._store, channel, value, timeout_s=FILE_S)

    async def read_back(self, channel: str) -> Value | None:
        """Return the relay's state, False before it was ever written. Raises as `write`."""
        return (await self._worker.run(self._load, timeout_s=FILE_S)).get(channel, False)

    def _load(self) -> dict[str, bool]:
        path = self._config.state_file
        return self._memory if path is None else _read(path)

    def _store(self, channel: str, value: bool) -> None:
        path = self._config.state_file
        if path is None:
            self._memory[channel] = value
            return
        _replace(path, {**_read(path), channel: value})


def _read(path: Path) -> dict[str, bool]:
    try:
        with path.open(encoding="utf-8") as file:
            state = json.loads(file.read(STATE_BYTES_MAX))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DeviceAbsent(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DeviceFault(f"{path} holds no JSON object of relays") from error
    if not isinstance(state, dict) or not all(isinstance(on, bool) for on in state.values()):
        raise DeviceFault(f"{path} holds no JSON object of relays")
    return state


def _replace(path: Path, state: dict[str, bool]) -> None:
    """Write the file in one step. It survives this process, which is all a test needs: no fsync."""
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(state, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise DeviceAbsent(f"cannot write {path}: {error.strerror}") from error
