"""What a cloud offers to the verb `demo`: its sandbox, ready to take this gateway's readings.

A cloud that takes part has `gatewayd/clouds/<kind>/demo.py` with

    open_demo(channels, output, scratch) -> an async context manager of a DemoCloud
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Switched:
    """What the cloud's app side answered to a switch, in its own words."""

    answer: str
    is_done: bool
    took_s: float


class DemoCloud(Protocol):
    """One sandbox cloud on the loopback with this gateway registered."""

    kind: str
    address: str
    """Where its app side and control plane are."""
    section: str
    """The `[uplink.…]` section that reaches it, TOML."""
    curl: str
    """The line with which a person switches the output through this cloud, `on` or `off`."""

    def received(self) -> int:
        """Return how many readings the cloud has taken so far."""
        ...

    async def switch(self, *, on: bool) -> Switched:
        """Switch the output by the cloud's own app call."""
        ...
