"""What time it surely is: for dropping what is too old, which nobody can take back."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.clock import Clock

STEP_MS = 10_000
"""A clock that moves by less was corrected; by more, it was set, rightly or wrongly."""

REST_MS = 3_600_000
"""So long after it was set, a clock is believed for this purpose too. A time server or a person
that was wrong for a moment then costs no reading."""


@dataclass(slots=True)
class Ageing:
    """Watches a clock for steps."""

    clock: Clock
    _offset_ms: int | None = None
    _since_ms: int | None = None

    def find_now_ms(self, *, is_dated: bool) -> int | None:
        """Return the time by which readings may be too old, or None while nobody knows it.

        Args:
            is_dated: whether the clock has been right since this boot.
        """
        if not is_dated:
            return None
        now_ms, boot_ms = self.clock.now_ms(), self.clock.boottime_ms()
        offset_ms = now_ms - boot_ms
        if self._offset_ms is not None and abs(offset_ms - self._offset_ms) >= STEP_MS:
            self._since_ms = boot_ms
        self._offset_ms = offset_ms
        if self._since_ms is not None and boot_ms - self._since_ms < REST_MS:
            return None
        return now_ms
