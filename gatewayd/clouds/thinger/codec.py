"""Thinger.io on the wire: events ⇄ bytes in one of its two device protocols; pure.

    codec = Codec(Dialect.CLASSIC)
    stream.write(codec.encode(Login("alice", "gw01", Secret("…"))))
    for event in codec.feed(data): …

Strategy: both ends of the wire use the same codec, so that the gateway's link and the sandbox
cannot drift apart, and neither knows which protocol it speaks (events). Whatever breaks the
protocol is `Malformed`, and the connection is of no use afterwards.

Source: Thinger.io Arduino-Library 2.40.0 (classic) and IOTMP-Linux 42e5ff6 (IOTMP).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from gatewayd.clouds.thinger import classic_codec, iotmp_codec
from gatewayd.clouds.thinger.events import Event
from gatewayd.clouds.thinger.frames import FrameBuffer
from gatewayd.clouds.thinger.iotmp_codec import Layout


class Dialect(Enum):
    """The device protocols of Thinger.io; they have ports of their own."""

    CLASSIC = "classic"
    IOTMP = "iotmp"


class Codec:
    """One direction's bytes and the other's events, for one connection.

    Characteristics: in bytes in any pieces · out events · buffered one unfinished frame.
    """

    def __init__(self, dialect: Dialect, layout: Layout = Layout.LINUX) -> None:
        self._layout = layout
        self._buffer = FrameBuffer()
        self.dialect = dialect

    @property
    def has_property_ids(self) -> bool:
        """Whether reading a property has an id by which its answer finds it."""
        return self.dialect is Dialect.IOTMP

    def encode(self, event: Event) -> bytes:
        """Return one frame; raises ValueError for what the protocol cannot say."""
        if self.dialect is Dialect.CLASSIC:
            return classic_codec.encode_event(event)
        return iotmp_codec.encode_event(event, self._layout)

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that these bytes complete; exhaust it before the next call.

        Raises:
            Malformed: the bytes are not of this protocol.
        """
        is_classic = self.dialect is Dialect.CLASSIC
        decode = classic_codec.decode_event if is_classic else iotmp_codec.decode_event
        for frame in self._buffer.feed(data):
            yield decode(frame)
