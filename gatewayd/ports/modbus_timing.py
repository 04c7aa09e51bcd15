"""How long one Modbus slave is waited for, learned from how long it took to answer.

Strategy: on a shared line the others pay for every wait. A slave that answers is waited for twice
as long as its slowest late answer, never longer than the owner's `answer_timeout`. One that has
fallen silent, or answers garbage, is asked once a visit and with that short wait; every eighth
visit to a silent one has the owner's whole patience, in case it has become slower rather than
dead. When it is visited again is decided by who supervises its device, not here.

Times are loop seconds. What the bytes need on the wire is taken off before a time is remembered
and put on again before it is used, so that a long answer is no slow slave.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

REMEMBERED = 32
"""Answers looked back upon: the slowest of 32 is about the 97th percentile."""

FLOOR_S = 0.05
"""Never less than this besides the bytes: a USB adapter hands over what it hears every 16 ms, and
a busy Pi is late by as much again."""

PROBE_S = 0.15
"""For a slave that has never answered here. Meters answer within 100 ms; the slow ones are found
by the visit with the whole patience."""

RETRY_S = 0.3
"""For the second try of a slave that was well a moment ago: longer than a busy machine stalls, for
a stall between question and answer looks like silence. Paid once, when a slave dies."""

PATIENT_VISIT = 8
"""Every so many visits to a silent slave: with the supervisor's back-off the first one comes after
a minute or two, and then every few minutes. Each costs the others a whole timeout."""

BITS_PER_BYTE = 11
"""Start, eight, parity or a second stop, stop. Source: Modbus over serial line V1.02, 2.5.1."""

QUESTION_BYTES = 8


def wire_s(answer_bytes: int, baudrate: int) -> float:
    """Return how long a question and an answer of so many bytes keep the wire busy."""
    return (QUESTION_BYTES + answer_bytes) * BITS_PER_BYTE / baudrate


@dataclass(slots=True)
class Timing:
    """What is known of one slave.

    Attributes:
        failures: visits in a row without a good answer.
        is_silent: the last of them brought not even garbage.
    """

    failures: int = 0
    is_silent: bool = False
    _turnarounds_s: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def tries_s(self, on_wire_s: float, limit_s: float) -> tuple[float, ...]:
        """Return how long to wait in each try of this visit; one lost frame is everyday.

        Args:
            on_wire_s: what question and answer need on the wire.
            limit_s: the owner's patience for one answer.
        """
        short_s = min(limit_s, on_wire_s + self._usual_s())
        if not self.failures:
            if not self._turnarounds_s:
                return (limit_s, limit_s)
            return (short_s, min(limit_s, max(3 * short_s, on_wire_s + RETRY_S)))
        is_patient = self.is_silent and self.failures % PATIENT_VISIT == 0
        return (limit_s,) if is_patient else (short_s,)

    def answered(self, took_s: float, on_wire_s: float) -> None:
        """Note a good answer and how long it took from the question on."""
        self._turnarounds_s.append(max(0.0, took_s - on_wire_s))
        self.failures = 0

    def failed(self, *, is_silent: bool) -> None:
        """Note a visit without a good answer: silence or garbage."""
        self.failures += 1
        self.is_silent = is_silent

    def _usual_s(self) -> float:
        if not self._turnarounds_s:
            return PROBE_S
        return max(FLOOR_S, 2 * max(self._turnarounds_s))
