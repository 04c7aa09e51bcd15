"""How long readings wait for company before they go to Thinger.io; decides, sends nothing."""

from __future__ import annotations

from gatewayd.clock import Clock
from gatewayd.clouds.thinger.names import Names
from gatewayd.model import Batch, ChannelId, Quality, Reading


class Gathering:
    """When the next batch goes. Outputs, switches and changes of quality never wait."""

    def __init__(self, interval_s: float, clock: Clock, names: Names) -> None:
        self.interval_s = interval_s
        self._clock = clock
        self._names = names
        self._send_at_s = 0.0
        self._told: dict[ChannelId, Quality] = {}
        self._scanned = 0

    def wait_s(self, pending: Batch, now_s: float) -> float:
        """Return how long these readings may still wait; 0 = send them now.

        Args:
            now_s: of the event loop's clock.
        """
        wait_s = min(self._send_at_s - now_s, self.interval_s)
        if wait_s <= 0 or not pending.readings:
            return 0.0
        # A backlog has waited long enough; only what is new gathers.
        if self._clock.now_ms() - pending.readings[0].time_ms >= self.interval_s * 1000:
            return 0.0
        return 0.0 if self._has_urgent(pending) else wait_s

    def sent(self, batch: Batch, now_s: float) -> None:
        """Note that a batch has gone."""
        for reading in batch.readings:
            self._told[reading.channel] = reading.quality
        if now_s >= self._send_at_s:
            self._send_at_s = now_s + self.interval_s

    def _has_urgent(self, pending: Batch) -> bool:
        """Look through what was not looked through before; what was urgent has been sent."""
        for seq, reading in zip(reversed(pending.seqs), reversed(pending.readings), strict=True):
            if seq <= self._scanned:
                break
            if self._is_urgent(reading):
                return True
        self._scanned = pending.through
        return False

    def _is_urgent(self, reading: Reading) -> bool:
        name = self._names.get(reading.channel)
        if name is None:
            return False
        is_news = self._told.get(reading.channel, Quality.GOOD) is not reading.quality
        return is_news or name.is_output or isinstance(reading.value, bool)
