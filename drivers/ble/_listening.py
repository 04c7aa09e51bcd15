"""What all who listen to advertisements share: repeats, silence, rejects, signal strength.

Strategy: a decoder says what one advertisement holds, or that it is garbled; everything else is
decided here. A tag sends each packet several times and BlueZ may tell it more often still: by
the packet's own number, or by its bytes within a second. What is garbled is counted and skipped;
but nobody may take a device for well that has said nothing readable for as long as silence would
have been borne, so that ends the listening.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from drivers.ble._ccm import Replayed, Unopened
from gatewayd.errors import DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Channel, Measurement, Quality, Value
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.ble import BlePort

SILENT_AFTER_S = 600.0
"""Where nobody says otherwise. Tags speak every 1 to 10 s and save their batteries with pauses of
a minute; and an active scan misses a third."""

REPEAT_S = 1.0
"""The same bytes within this are one packet, sent on three channels or told twice."""

REPLAYED_MAX = 20
"""Packets in a row with an old counter. Somebody repeats what he has recorded, or the tag got a
new battery and counts from the start; who listens anew believes what comes first."""

PAYLOADS_MAX = 8
"""Packets with one number: values that do not fit into one are spread over two or three."""

UNOPENED_MAX = 3
"""Packets in a row that the key does not open. One may be garbled; three are the wrong key."""

ADDRESSES_MAX = 4
"""Addresses that one device is known by: one, or a few that it changes between."""

RSSI = Channel("rssi", "signal", "dBm", 0, minimum=-127, maximum=20)
PRESENT = Channel("present", "presence")


class Heard(NamedTuple):
    """What one advertisement says.

    Attributes:
        values: by channel; None where the device itself says that it has no value.
        payload: the bytes that it was in.
        sequence: the packet's own number, or None.
    """

    values: Mapping[str, Value | None]
    payload: bytes
    sequence: int | None = None


Decode = Callable[[Advertisement], Heard | None]
"""Returns what an advertisement says, or None for nothing in this format. Raises Malformed."""


class Source(Protocol):
    """What every driver's `Config` here has."""

    @property
    def port(self) -> str: ...
    @property
    def silent_after(self) -> float: ...


@dataclass(slots=True)
class Repeats:
    """Tells a packet from its repetition; pure."""

    _sequence: int | None = None
    _payloads: deque[bytes] = field(default_factory=lambda: deque(maxlen=PAYLOADS_MAX))
    _heard_s: float = float("-inf")

    def is_repeat(self, heard: Heard, heard_s: float) -> bool:
        """Return whether this was heard before, and remember it."""
        is_same = heard.sequence == self._sequence and heard.payload in self._payloads
        if heard.sequence is None:
            is_same = is_same and heard_s - self._heard_s < REPEAT_S
        if is_same:
            return True
        if heard.sequence is None or heard.sequence != self._sequence:
            self._payloads.clear()
        self._payloads.append(heard.payload)
        self._sequence, self._heard_s = heard.sequence, heard_s
        return False


@dataclass(slots=True)
class Beacon:
    """A device that advertises; a `Listener`.

    Attributes:
        rejects: packets skipped, garbled or not to be believed, since the device was opened.
        repeats: packets that had been heard before.
    """

    _port: BlePort
    _wish: Wish
    _silent_s: float
    _channels: frozenset[str]
    _decode: Decode
    rejects: int = 0
    repeats: int = 0
    _repeats: Repeats = field(default_factory=Repeats)
    _in_a_row: int = 0
    _ours: deque[str] = field(default_factory=lambda: deque(maxlen=ADDRESSES_MAX))
    _good_s: float | None = None
    _there_s: float | None = None
    _told_s: float = float("-inf")

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each packet says, once; where presence is a channel, silence says no.

        Raises:
            DeviceTimeout: silence for `silent_after`.
            DeviceFault: a key that does not fit, or nothing readable for as long.
            DeviceAbsent: the adapter is gone.
        """
        while True:
            try:
                async with aclosing(self._listen()) as told:
                    async for measured in told:
                        yield measured
            except DeviceTimeout:
                is_told = PRESENT.id in self._channels and bool(self._ours)
                if not is_told or not self._port.is_hearing:
                    raise
            yield tuple(map(self._without, sorted(self._channels)))

    async def _listen(self) -> AsyncGenerator[Sequence[Measurement], None]:
        stream = self._port.advertisements(self._wish, silence_s=self._silent_s)
        async with aclosing(stream) as heard:
            async for advertisement in heard:
                measured = self._take(advertisement)
                if measured:
                    yield measured

    def _take(self, advertisement: Advertisement) -> Sequence[Measurement]:
        """Return what is new in an advertisement; often nothing."""
        now_s = advertisement.heard_s
        self._note_alive(advertisement)
        try:
            told = self._decode(advertisement) if advertisement.has_data else None
        except Malformed as error:
            self._reject(error, now_s)
            return ()
        if told is None:
            return self._merely_there(advertisement)
        self._good_s, self._in_a_row = now_s, 0
        self._claim(advertisement)
        if self._repeats.is_repeat(told, now_s):
            self.repeats += 1
            return self._merely_there(advertisement)
        return self._measured(advertisement, told.values)

    def _measured(
        self, advertisement: Advertisement, values: Mapping[str, Value | None]
    ) -> Sequence[Measurement]:
        self._told_s = advertisement.heard_s
        there = {RSSI.id: advertisement.rssi, PRESENT.id: True}
        if advertisement.rssi is None:
            del there[RSSI.id]
        return tuple(
            Measurement(name, value, Quality.ABSENT if value is None else Quality.GOOD)
            for name, value in {**values, **there}.items()
            if name in self._channels
        )

    def _merely_there(self, advertisement: Advertisement) -> Sequence[Measurement]:
        """Return that a device which has been understood before is still there, once a second."""
        if advertisement.address not in self._ours:
            return ()
        if advertisement.heard_s - self._told_s < REPEAT_S:
            return ()
        return self._measured(advertisement, {})

    def _note_alive(self, advertisement: Advertisement) -> None:
        """Look at when the device itself was heard last: others may send the same format.

        Raises:
            DeviceTimeout: too long ago.
        """
        now_s = advertisement.heard_s
        is_ours = self._wish.address is not None or advertisement.address in self._ours
        if is_ours or self._there_s is None:
            self._there_s = now_s
        elif now_s - self._there_s > self._silent_s:
            self._there_s = now_s
            raise DeviceTimeout(f"the device was not heard for {self._silent_s:g} s")

    def _claim(self, advertisement: Advertisement) -> None:
        """Remember that this address is the device's."""
        self._there_s = advertisement.heard_s
        if advertisement.address not in self._ours:
            self._ours.append(advertisement.address)

    def _reject(self, error: Malformed, now_s: float) -> None:
        """Count a garbled packet; enough of them are a fault."""
        self.rejects += 1
        whom = self._wish.address or "a device of this format"
        self._in_a_row += 1
        borne = {Unopened: UNOPENED_MAX, Replayed: REPLAYED_MAX}.get(type(error))
        if borne is not None and self._in_a_row >= borne:
            raise DeviceFault(f"{whom}: {error}") from error
        if self._good_s is None:
            self._good_s = now_s
        if now_s - self._good_s > self._silent_s:
            raise DeviceFault(f"{whom} sends, but nothing readable: {error}") from error

    def _without(self, channel: str) -> Measurement:
        if channel == PRESENT.id:
            return Measurement(channel, value=False)
        return Measurement(channel, None, Quality.ABSENT)


@asynccontextmanager
async def listening(
    config: Source, ports: Ports, wish: Wish, channels: Sequence[Channel], decode: Decode
) -> AsyncIterator[Beacon]:
    """Listen to one device. It cannot be asked, so its silence is found out while listening."""
    async with ports.ble(config.port) as port:
        names = frozenset(each.id for each in channels)
        yield Beacon(port, wish, config.silent_after, names, decode)


def check_source(address: str | None, silent_after_s: float) -> None:
    """Find what cannot work before a device is listened for.

    Raises:
        ValueError: no address, or a silence that cannot be told from an ordinary pause.
    """
    if address is not None:
        proper_address(address)
    if silent_after_s < 10.0:
        raise ValueError("silent_after must be at least 10s, and six of the device's intervals")


def of_temperature(name: str = "temperature", decimals: int = 2) -> Channel:
    """Return the channel of a thermometer on a battery."""
    return Channel(name, "temperature", "Cel", decimals, minimum=-100, maximum=200)


def of_humidity(decimals: int = 2) -> Channel:
    """Return the channel of a hygrometer."""
    return Channel("humidity", "humidity", "%", decimals, minimum=0, maximum=100)


def of_battery() -> Channel:
    """Return the channel of a battery in percent."""
    return Channel("battery", "battery", "%", 0, minimum=0, maximum=100)


def of_voltage() -> Channel:
    """Return the channel of a battery in volts."""
    return Channel("voltage", "voltage", "V", 3, minimum=0, maximum=20)
