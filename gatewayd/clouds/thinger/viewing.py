"""What resources show at this moment, from what a link or the local app knows of its gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatewayd.clouds.thinger.names import Names
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.clouds.thinger.view import View
from gatewayd.model import ChannelId, Outcome
from gatewayd.uplink import Premises


@dataclass(frozen=True, slots=True)
class Viewer:
    """Looks at one gateway.

    Attributes:
        stale_s: a measured value that nobody renewed for so long is shown as none.
    """

    premises: Premises
    names: Names
    stale_s: float

    def view(self, outcomes: Mapping[ChannelId, tuple[int, Outcome]], refused: int) -> View:
        """Return what resources show now.

        Args:
            outcomes: of the last command of each output, with its time (UTC ms).
            refused: how many requests were answered with an error.
        """
        now_ms = self.premises.clock.now_ms()
        return View(
            self.premises.board,
            self.names,
            now_ms,
            now_ms - round(self.stale_s * 1000),
            outcomes,
            lambda: self._health(refused),
        )

    def _health(self, refused: int) -> Pson:
        premises = self.premises
        latest = [premises.board.latest(name) for name in self.names]
        without = sum(reading is None or reading.value is None for reading in latest)
        return {
            "id": premises.gateway_id,
            "name": premises.gateway_name,
            "version": premises.version,
            "ts": premises.clock.now_ms(),
            "clock_is_set": premises.clock.is_synchronised(),
            "channels": len(self.names),
            "channels_without_value": without,
            "requests_refused": refused,
        }
