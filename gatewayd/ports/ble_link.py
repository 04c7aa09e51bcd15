"""A connection to one Bluetooth LE device: reading, writing and being told its characteristics.

Every call has a deadline; one that hangs is reported to the scanner, which then has the radio
switched off and on. Foreign exceptions are translated once, here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports.ble_calls import Hung, within

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

    from gatewayd.ports.ble_scanner import Scanner

T = TypeVar("T")

QUEUE_MAX = 256
"""Values that wait to be taken; a sensor that notifies a hundred times a second fills it in two."""

Told = tuple[str, bytes]


@dataclass(slots=True)
class BleLink:
    """One open connection."""

    address: str
    _client: BleakClient
    _scanner: Scanner
    _hung_up: asyncio.Event
    dropped: int = 0
    """Values lost because nobody took them in time."""

    @classmethod
    async def open(cls, device: BLEDevice, timeout_s: float, scanner: Scanner) -> BleLink:
        """Connect, and find the device's services.

        Args:
            scanner: the adapter's, which knows of its end (bleak tells nobody of BlueZ's), and
                is told when BlueZ hangs.

        Raises:
            DeviceTimeout: it does not answer, or BlueZ does not.
            DeviceAbsent: it is gone, or it refuses.
        """
        from bleak import BleakClient

        hung_up = asyncio.Event()
        client = BleakClient(device, lambda _: hung_up.set(), timeout=timeout_s)
        link = cls(device.address, client, scanner, hung_up)
        await link._call("connect", client.connect(), timeout_s)
        return link

    async def read(self, uuid: str) -> bytes:
        """Return a characteristic's value.

        Raises:
            DeviceFault: there is no such characteristic, or it may not be read.
            DeviceTimeout: no answer.
            DeviceAbsent: the device has hung up.
        """
        self._prove_connected()
        return bytes(await self._call(f"read {uuid}", self._client.read_gatt_char(uuid)))

    async def write(self, uuid: str, data: bytes) -> None:
        """Set a characteristic's value, confirmed by the device. Raises as `read`."""
        self._prove_connected()
        await self._call(f"write {uuid}", self._client.write_gatt_char(uuid, data, response=True))

    async def values(
        self, uuids: Sequence[str], *, silence_s: float | None = None
    ) -> AsyncGenerator[Told, None]:
        """Yield what the device tells unasked: the characteristic, and its value.

        Raises:
            DeviceTimeout: it tells nothing for `silence_s`.
            DeviceAbsent: it has hung up.
            DeviceFault: there is no such characteristic, or it does not tell unasked.
        """
        self._prove_connected()
        told: asyncio.Queue[Told] = asyncio.Queue(QUEUE_MAX)
        ended = self._scanner.ended
        for uuid in uuids:
            notify = self._client.start_notify(uuid, partial(self._take, told, uuid))
            await self._call(f"be told {uuid}", notify)
        while True:
            taking = asyncio.ensure_future(told.get())
            ends = [asyncio.ensure_future(each.wait()) for each in (self._hung_up, ended)]
            try:
                await asyncio.wait(
                    (taking, *ends), timeout=silence_s, return_when=asyncio.FIRST_COMPLETED
                )
                if taking.done():
                    yield taking.result()
                    continue
            finally:
                taking.cancel()
                for each in ends:
                    each.cancel()
            self._prove_connected()
            raise DeviceTimeout(f"{self.address} has told nothing for {silence_s:g} s")

    async def close(self) -> None:
        """Hang up. Never raises."""
        with suppress(DeviceError):  # It has gone before, or BlueZ hangs, and the scanner knows.
            await self._call("disconnect", self._client.disconnect(), self._scanner.patience.stop)

    def _take(
        self,
        told: asyncio.Queue[Told],
        uuid: str,
        characteristic: BleakGATTCharacteristic,
        data: bytearray,
    ) -> None:
        if told.full():
            told.get_nowait()
            self.dropped += 1
        told.put_nowait((uuid, bytes(data)))

    def _prove_connected(self) -> None:
        if self._scanner.ended.is_set():
            raise DeviceAbsent(f"{self.address}: the adapter is gone")
        if self._hung_up.is_set():
            raise DeviceAbsent(f"{self.address} has hung up")

    async def _call(
        self, what: str, call: Coroutine[Any, Any, T], seconds: float | None = None
    ) -> T:
        from bleak.exc import (
            BleakCharacteristicNotFoundError,
            BleakError,
            BleakGATTProtocolError,
        )

        seconds = self._scanner.patience.value if seconds is None else seconds
        try:
            return await within(seconds, call)
        except BleakCharacteristicNotFoundError as error:
            which = error.char_specifier
            raise DeviceFault(f"{self.address} has no characteristic {which}") from error
        except BleakGATTProtocolError as error:
            raise DeviceFault(f"{self.address}, {what}: {error}") from error
        except (Hung, TimeoutError) as error:
            if isinstance(error, Hung) and (error.is_stuck or what == "disconnect"):
                self._scanner.suspect(f"{self.address}, {what}: BlueZ gives no answer")
            raise DeviceTimeout(f"{self.address}, {what}: no answer in {seconds:g} s") from error
        except (BleakError, EOFError, OSError) as error:
            raise DeviceAbsent(f"{self.address}, {what}: {error}") from error
