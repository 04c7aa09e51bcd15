"""The uplink contract, and the halves of its life: `drain` readings, `serve` commands.

A cloud is a folder `gatewayd/clouds/<kind>/`; its `link.py` has

    Config                        a frozen dataclass: the keys of its `[uplink.NAME]` section
    subscription(config, channels) -> the channels that this uplink wants; also checks names
    open_link(config, premises)   an async context manager that connects once and yields a Link

It tries once and raises `LinkLost` or `LinkDenied`; the supervisor opens the next one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gatewayd.board import Board
from gatewayd.clock import Clock
from gatewayd.model import Batch, Channel, ChannelId, Command, Outcome, Reading


@dataclass(frozen=True, slots=True)
class Premises:
    """What a link may know of the gateway that it speaks for.

    Attributes:
        uplink: this uplink's name in the configuration; the origin of its commands.
        channels: every channel of this gateway, outputs too, by global name.
        state_dir: where this uplink may keep small files of its own (tokens, intervals).
        manage: what the owner allows a cloud to do to the machine, by name (`restart`,
            `reboot`, `poweroff`); a name that is not here is not allowed.
    """

    uplink: str
    gateway_id: str
    gateway_name: str
    version: str
    channels: Mapping[ChannelId, Channel]
    board: Board
    clock: Clock
    state_dir: Path
    manage: Mapping[str, Callable[[], Awaitable[None]]]


class Link(Protocol):
    """One open connection to a cloud. Any method may raise LinkLost or LinkDenied."""

    batch_max: int
    """Readings that one `send` takes at the most."""

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now.

        Pure and quick: asked after every append. A cloud that wants reports at intervals
        answers the time to the next one, and 0 as soon as an urgent reading is among them.
        """
        ...

    async def send(self, batch: Batch) -> None:
        """Return when the cloud has taken responsibility for every reading of the batch.

        Raises:
            LinkLost, LinkDenied, Throttled, BatchRefused: see errors.
        """
        ...

    def commands(self) -> AsyncIterator[Command]:
        """Yield what the cloud asks for, decoded; what is answered without hardware is not seen."""
        ...

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Tell the cloud what became of its command."""
        ...

    async def tend(self) -> None:
        """Keep the connection in order (statuses, keep-alives) until it dies; never returns."""
        ...


def is_wanted(reading: Reading, wanted: frozenset[ChannelId]) -> bool:
    """Return whether a reading is one of the uplink's channels."""
    return reading.channel in wanted
