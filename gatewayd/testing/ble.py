"""A Bluetooth LE adapter without a radio; the surface of `BlePort` and `BleLink`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports.ble_advertisement import Advertisement, Wish
from gatewayd.ports.ble_ear import Ear
from gatewayd.testing.wires import Gate


@dataclass(slots=True)
class FakeBle:
    """An adapter and all that is in range.

    Attributes:
        characteristics: what each device shows when connected: values by UUID, by address.
        written: everything written, in order: address, UUID, bytes.
        connected: addresses in the order of connecting.
        is_hearing: False = the adapter is suspected of being deaf.
        dropped: advertisements that a slow listener lost.
    """

    name: str
    gate: Gate
    characteristics: dict[str, dict[str, bytes]] = field(default_factory=dict)
    written: list[tuple[str, str, bytes]] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    is_hearing: bool = True
    is_broken: bool = False
    dropped: int = 0
    _ears: set[Ear] = field(default_factory=set)
    _links: set[FakeLink] = field(default_factory=set)
    _listened: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def wishes(self) -> list[Wish]:
        """What is listened for now."""
        return [ear.wish for ear in self._ears]

    async def wait_listener(self) -> None:
        """Wait until somebody listens."""
        await self._listened.wait()

    def advertise(self, advertisement: Advertisement) -> None:
        """Be heard by all who want to."""
        heard = replace(advertisement, heard_s=asyncio.get_running_loop().time())
        for ear in self._ears:
            if ear.wish.is_met(heard.address, heard.manufacturer_data, heard.service_data):
                ear.hear(heard)

    def notify(self, address: str, uuid: str, value: bytes) -> None:
        """Tell a value unasked to who is connected."""
        for link in self._links:
            if link.address == address:
                link.told.put_nowait((uuid, value))

    def unplug(self) -> None:
        """Pull the adapter out."""
        self.is_broken = True
        for ear in self._ears:
            ear.fail(DeviceAbsent(f"{self.name}: the adapter was removed"))
        for link in self._links:
            link.told.put_nowait(None)

    async def advertisements(
        self, wish: Wish, *, silence_s: float | None = None
    ) -> AsyncGenerator[Advertisement, None]:
        """Yield what is heard."""
        await self.gate.pass_through()
        ear = Ear(wish)
        self._ears.add(ear)
        self._listened.set()
        try:
            while True:
                yield await ear.wait_next(silence_s)
        finally:
            self.dropped += ear.dropped
            self._ears.discard(ear)
            if not self._ears:
                self._listened.clear()

    @asynccontextmanager
    async def connect(
        self, address: str, *, timeout_s: float = 30.0, is_lasting: bool = False
    ) -> AsyncIterator[FakeLink]:
        """Be connected to a device."""
        await self.gate.pass_through()
        if address not in self.characteristics:
            await asyncio.sleep(timeout_s)
            raise DeviceTimeout(f"{address}: not heard for {timeout_s:g} s")
        link = FakeLink(self, address)
        self.connected.append(address)
        self._links.add(link)
        try:
            yield link
        finally:
            self._links.discard(link)

    @property
    def state(self) -> dict[str, object]:
        """What the adapter does now."""
        return {"scan": "active", "is_hearing": self.is_hearing}

    async def reset(self) -> str:
        """Switch the radio off and on."""
        self.is_hearing = True
        return f"switched {self.name} off and on"

    async def close(self) -> None:
        """Forget nothing: a test may look at what was written afterwards."""


@dataclass(slots=True, eq=False)
class FakeLink:
    """A connection to one device of `FakeBle`."""

    adapter: FakeBle
    address: str
    told: asyncio.Queue[tuple[str, bytes] | None] = field(default_factory=asyncio.Queue)

    async def read(self, uuid: str) -> bytes:
        """Return a characteristic's value."""
        await self.adapter.gate.pass_through()
        return self._held(uuid)[uuid]

    async def write(self, uuid: str, data: bytes) -> None:
        """Set a characteristic's value."""
        await self.adapter.gate.pass_through()
        self._held(uuid)[uuid] = data
        self.adapter.written.append((self.address, uuid, data))

    async def values(
        self, uuids: Sequence[str], *, silence_s: float | None = None
    ) -> AsyncGenerator[tuple[str, bytes], None]:
        """Yield what the device tells unasked."""
        for uuid in uuids:
            self._held(uuid)
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    told = await self.told.get()
            except TimeoutError as error:
                words = f"{self.address} has told nothing for {silence_s} s"
                raise DeviceTimeout(words) from error
            if told is None:
                raise DeviceAbsent(f"{self.address}: the adapter is gone")
            if told[0] in uuids:
                yield told

    def _held(self, uuid: str) -> dict[str, bytes]:
        if self.adapter.is_broken:
            raise DeviceAbsent(f"{self.address}: the adapter is gone")
        held = self.adapter.characteristics[self.address]
        if uuid not in held:
            raise DeviceFault(f"{self.address} has no characteristic {uuid}")
        return held
