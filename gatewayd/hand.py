"""The keeper's hand on the hardware: write, read back, and back to safe when in doubt.

Once a write has begun nobody knows what the output does, until the hardware has said so [1]. If
it does not say so, the next thing on that wire is the safe write [2].
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from gatewayd.driver import Actuator
from gatewayd.errors import DeviceError, DeviceFault, DeviceTimeout
from gatewayd.fields import show_duration
from gatewayd.model import Quality, Value
from gatewayd.output import Order, Output
from gatewayd.setpoint import agrees, show_value

LEAVE_S = 4.0
"""For going safe on the way out, all outputs of a device together: the whole process has 10 s after
SIGTERM, and what is not safe by then is left to `gatewayd safe`."""


@dataclass(frozen=True, slots=True)
class Hand:
    """An open actuator, and whom to tell.

    Attributes:
        write_timeout_s: for one write with its read-back.
        tell: called after every change of an output's state.
        note: told what happens, as `note("output safe", output=…, reason=…)`.
    """

    actuator: Actuator
    write_timeout_s: float
    tell: Callable[[Output], object]
    note: Callable[..., object]

    async def drive(self, output: Output, value: Value) -> None:
        """Write and read back.

        Raises:
            DeviceError: nobody knows what the output does now.
        """
        before = output.actual
        output.doubt(Quality.TIMEOUT, "being written")  # [1]
        try:
            seen = await self._write(output, value)
        except DeviceError as error:
            output.doubt(error.quality, str(error))
            raise
        output.actual = before
        output.stand(value if seen is None else seen, _now_s(), is_verified=seen is not None)

    async def look(self, output: Output) -> None:
        """Read back without writing: a board may lose its power, an adapter may be pulled out.

        Raises:
            DeviceError: nobody answers, or the output is not what it was told to be.
        """
        try:
            async with asyncio.timeout(self.write_timeout_s):
                seen = await self.actuator.read_back(output.channel.id)
        except TimeoutError as error:
            limit = show_duration(self.write_timeout_s)
            raise DeviceTimeout(f"{output.name} did not answer within {limit}") from error
        told = output.actual
        if seen is None or told is None:
            return
        if not agrees(output.channel, told, seen):
            was, shows = show_value(told), show_value(seen)
            raise DeviceFault(f"{output.name} was {was} and now shows {shows} by itself")
        output.seen_s = _now_s()

    async def retreat(self, output: Output, error: DeviceError) -> None:
        """Go safe when in doubt. Raises DeviceError if that fails as well. [2]"""
        output.doubt(error.quality, str(error))
        self.tell(output)
        self.note("output uncertain", output=output.name, reason=str(error))
        await self.go_safe(output, f"went safe: {error}")

    async def go_safe(self, output: Output, reason: str) -> None:
        """Drive one output to its safe value. Raises DeviceError."""
        try:
            await self.drive(output, output.limits.safe)
        finally:
            # Also when it failed: safe is what the output is asked to be from now on.
            why = output.reason if output.actual is None else reason
            output.follow(Order(output.limits.safe), _now_s(), why)
            self.tell(output)
        self.note("output safe", output=output.name, reason=reason)

    async def make_all_safe(self, outputs: Iterable[Output], reason: str) -> None:
        """Drive every output safe, one after the other. Raises the first failure, at the end."""
        failures: list[BaseException] = []
        for output in outputs:
            # Gathered alone, so that whatever goes wrong with one, a bug in its driver too,
            # stops none of the others.
            results = await asyncio.gather(self.go_safe(output, reason), return_exceptions=True)
            failures += [result for result in results if result is not None]
        if failures:
            raise failures[0]

    async def leave(self, outputs: Collection[Output]) -> None:
        """Make everything safe on the way out, as far as possible in `LEAVE_S`.

        However often whoever leaves is cancelled meanwhile; that is raised afterwards, and nothing
        else is.
        """
        # Each output has its share of the time, so that one that hangs leaves some for the others.
        share_s = min(self.write_timeout_s, LEAVE_S / max(1, len(outputs)))
        # A task of its own, because the one that leaves may be cancelled again at any moment: two
        # levels of a program that falls each cancel what they hold.
        leaving = asyncio.ensure_future(
            replace(self, write_timeout_s=share_s).make_all_safe(outputs, "closed")
        )
        cancelled: asyncio.CancelledError | None = None
        while not leaving.done():
            try:
                await asyncio.wait([leaving])
            except asyncio.CancelledError as again:
                cancelled = again
        failure = leaving.exception()
        if failure is not None:
            self.note("outputs not safe", reason=str(failure) or "out of time")
        if cancelled is not None:
            raise cancelled

    async def _write(self, output: Output, value: Value) -> Value | None:
        name = output.channel.id
        try:
            async with asyncio.timeout(self.write_timeout_s):
                await self.actuator.write(name, value)
                output.written_s = _now_s()
                seen = await self.actuator.read_back(name)
                output.seen_s = None if seen is None else _now_s()
        except TimeoutError as error:
            limit = show_duration(self.write_timeout_s)
            raise DeviceTimeout(f"{output.name} did not answer within {limit}") from error
        if seen is None:
            return None
        if not agrees(output.channel, value, seen):
            raise DeviceFault(
                f"{output.name} was set to {show_value(value)} and reads back {show_value(seen)}"
            )
        return bool(seen) if isinstance(value, bool) else seen


def _now_s() -> float:
    return asyncio.get_running_loop().time()
