"""Brings a failing device back: does what the ladder says, waits for its adapter, says what helped.

Strategy: the supervisor decides when to try, the ladder with what; here it is done, once, before
the device is opened. A remedy that cannot be applied is said and is no reason not to open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from gatewayd.driver import Actuator, Listener, Resettable, Sensor
from gatewayd.errors import DeviceError
from gatewayd.ladder import Ladder, Rung
from gatewayd.model import Measurement
from gatewayd.ports import Ports
from gatewayd.supervise import wait_out

log = structlog.get_logger()


@dataclass(slots=True)
class Recovery:
    """One device's way back.

    Attributes:
        port: the wire that it names, None for one without.
        is_wire_well: whether another device works on the same wire.
    """

    device: str
    port: str | None
    ports: Ports
    is_wire_well: Callable[[], bool]
    ladder: Ladder = field(default_factory=Ladder)

    @asynccontextmanager
    async def opened(
        self, open_device: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> AsyncIterator[Any]:
        """Open the device, after the remedy that is due. Raises as the device's driver."""
        rung = self.ladder.rung
        is_done = rung in (Rung.PORT, Rung.ADAPTER) and await self._reset_wire(rung)
        async with open_device() as device:
            if rung is Rung.DEVICE and isinstance(device, Resettable):
                await device.reset()
                is_done = self._tell(rung, "done")
            if not is_done:  # What had no remedy was opened again, no more.
                self.ladder.rung = Rung.REOPEN
            yield self._noted(device) if self.ladder.failures else device

    def failed(self, error: Exception | None) -> None:
        """Note that a session ended, and decide what the next one begins with."""
        self.ladder.failed(error, is_wire_well=self.is_wire_well())

    def answered(self) -> None:
        """Note a good answer."""
        failures = self.ladder.failures
        helped = self.ladder.answered()
        if helped is not None:
            log.info("device recovered", device=self.device, helped=str(helped), failures=failures)

    async def pause(self, wait_s: float) -> bool:
        """Wait so long, or until the device's wire appears; tell which."""
        if self.port is None:
            return await wait_out(wait_s)
        is_back = await self.ports.wait_arrival(self.port, wait_s)
        if is_back:
            self.ladder.rung = Rung.REOPEN
        return is_back

    async def _reset_wire(self, rung: Rung) -> bool:
        """Apply a remedy to the wire; return whether there was one, and it worked."""
        if self.port is None:
            return False
        try:
            if rung is Rung.PORT:
                done = await self.ports.close_wire(self.port)
            else:
                done = await self.ports.reset_adapter(self.port)
        except DeviceError as error:
            self._tell(rung, str(error))
            return False
        return bool(done) and self._tell(rung, done)

    def _tell(self, rung: Rung, done: str) -> bool:
        log.warning("remedy", device=self.device, rung=str(rung), done=done)
        return True

    def _noted(self, device: Sensor | Listener | Actuator) -> object:
        """Return the device so that its first answer is noticed; an actuator as it is."""
        if isinstance(device, Listener):
            return _NotedListener(device, self.answered)
        return _NotedSensor(device, self.answered) if isinstance(device, Sensor) else device


@dataclass(slots=True)
class _NotedSensor:
    device: Sensor
    answered: Callable[[], None]

    async def read(self) -> Sequence[Measurement]:
        measured = await self.device.read()
        self.answered()
        return measured


@dataclass(slots=True)
class _NotedListener:
    device: Listener
    answered: Callable[[], None]

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        async for measured in self.device.measurements():
            self.answered()
            yield measured
