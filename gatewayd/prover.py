"""Waits, beside everything else a keeper does, for sensors to confirm what was written.

A write that is not confirmed in time is a fault like any other: the output goes safe. Where it
was told to be safe already nobody knows what it does from then on, a welded contact for instance.

Characteristics: in writes · out answers to their requests · buffered one write an output · a
later write takes the place of an earlier one · event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayd.clock import Clock
from gatewayd.errors import DeviceFault
from gatewayd.hand import Hand
from gatewayd.model import ChannelId, Reading, Status, Value
from gatewayd.output import Output, outcome_of
from gatewayd.proof import Verify, confirms, tell_doubt
from gatewayd.setpoint import is_on, show_value
from gatewayd.tray import Request, wall_ms

Sense = Callable[[ChannelId], Reading | None]


@dataclass(eq=False, slots=True)
class _Proof:
    """A write that is not confirmed yet; `request` is None for the keeper's own."""

    output: Output
    verify: Verify
    written: Value
    applied_ms: int
    until_s: float
    request: Request | None

    def answer(self, status: Status, detail: str) -> None:
        if self.request is not None:
            self.request.answer(outcome_of(self.output, status, detail))


@dataclass(slots=True)
class Prover:
    """The writes of one keeper that wait for their sensors.

    Attributes:
        sense: returns the newest reading of any channel.
        tell: called after every change of an output's state.
        prospect: says when an output will fall back to safe.
    """

    sense: Sense
    clock: Clock
    tell: Callable[[Output], object]
    prospect: Callable[[Output], str]
    _proofs: dict[str, _Proof] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """True while a sensor is waited for."""
        return bool(self._proofs)

    def next_s(self) -> float | None:
        """Return the loop time at which the first proof is too late, or None."""
        return min((proof.until_s for proof in self._proofs.values()), default=None)

    def begin(self, output: Output, request: Request | None = None) -> None:
        """Wait for a sensor to confirm what was just written, where the output has one."""
        verify, applied_ms = output.limits.verify, wall_ms(self.clock, output.written_s)
        if verify is None or applied_ms is None:
            return
        until_s = _now_s() + verify.within
        self._proofs[output.name] = _Proof(
            output, verify, output.order.value, applied_ms, until_s, request
        )

    def replace(self, output: Output) -> None:
        """Wait no longer for what a later command makes void."""
        proof = self._proofs.pop(output.name, None)
        if proof is not None:
            proof.answer(Status.DONE, "a later command came before it was verified")

    async def settle(self, hand: Hand) -> None:
        """Answer what is confirmed, and go safe where the time is over.

        Raises:
            DeviceError: an output could not be made safe.
        """
        for name, proof in list(self._proofs.items()):
            output = proof.output
            seen = self.sense(ChannelId(proof.verify.channel))
            if output.order.value != proof.written or output.actual is None:
                del self._proofs[name]  # A clock or a failure came between.
                proof.answer(Status.FAILED, output.reason)
            elif confirms(proof.verify, proof.written, seen, proof.applied_ms):
                del self._proofs[name]
                self._prove(proof)
            elif _now_s() >= proof.until_s:
                await self._disprove(hand, proof, seen)

    def leave(self) -> list[Request]:
        """Return and forget the requests that wait."""
        waiting = [proof.request for proof in self._proofs.values() if proof.request is not None]
        self._proofs.clear()
        return waiting

    def _prove(self, proof: _Proof) -> None:
        output = proof.output
        output.prove(proof.verify.channel, _now_s())
        if proof.request is not None:
            proof.request.verified_ms = wall_ms(self.clock, output.seen_s)
        self.tell(output)
        proof.answer(Status.DONE, self.prospect(output))

    async def _disprove(self, hand: Hand, proof: _Proof, seen: Reading | None) -> None:
        output, safe = proof.output, proof.output.limits.safe
        error = DeviceFault(tell_doubt(proof.verify, output.name, proof.written, seen))
        if proof.request is not None:
            proof.request.verified_ms = None
        output.doubt(error.quality, str(error))
        # It still waits here, so that it is answered if the safe write ends the session.
        await hand.retreat(output, error)
        del self._proofs[output.name]
        if is_on(proof.written) == is_on(safe):
            output.doubt(error.quality, str(error))
            self.tell(output)
            proof.answer(Status.FAILED, f"{error}; nobody knows what it does")
        else:
            proof.answer(Status.FAILED, f"{error}; went {show_value(safe)}")
            self.begin(output)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
