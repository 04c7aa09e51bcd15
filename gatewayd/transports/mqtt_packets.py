"""MQTT 3.1 and 3.1.1 control packets: bytes ⇄ frozen values. Pure.

Only what a small broker needs: it decodes what a client sends and encodes what it answers. All
integers are big-endian; a string is two bytes of length and that many bytes of UTF-8.

Source: OASIS MQTT Version 3.1.1; IBM/Eurotech MQTT V3.1 Protocol Specification (name `MQIsdp`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gatewayd.errors import Malformed
from gatewayd.transports.mqtt_topics import is_topic_filter, is_topic_name

PACKET_BYTES_MAX = 1024 * 1024
"""The protocol allows 256 MiB; no gateway of ours sends more than 64 KiB before compression."""

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
PUBREC, PUBREL, PUBCOMP = 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

REFUSED_FILTER = 0x80
"""The SUBACK code for a subscription that is not granted."""

_PROTOCOLS = {("MQIsdp", 3): "3.1", ("MQTT", 4): "3.1.1"}
_FLAGS = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
"""Fixed header flags that a client must send; every other packet but PUBLISH has 0 [2.2.2]."""


@dataclass(frozen=True, slots=True)
class Message:
    """An application message: what PUBLISH carries and what a will is."""

    topic: str
    payload: bytes
    qos: int = 0
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """A client introduces itself. `version` is "3.1", "3.1.1" or the unknown name and number."""

    client_id: str
    version: str
    is_known_version: bool
    clean_session: bool
    keep_alive_s: int
    will: Message | None = None
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Publish:
    """A message on its way; `packet_id` is 0 at QoS 0."""

    message: Message
    packet_id: int = 0
    is_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """PUBACK, PUBREC, PUBREL or PUBCOMP, told apart by `kind`."""

    kind: int
    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Topic filters with the QoS asked for."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Topic filters to forget."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bare:
    """PINGREQ or DISCONNECT: a packet without content."""

    kind: int


Packet = Connect | Publish | Acknowledge | Subscribe | Unsubscribe | Bare


class Framer:
    """Cuts a byte stream into packets.

    Characteristics: in: any slices of the stream · out: whole frames · buffered: less than one
    packet of at most `bytes_max` · ordered · not thread-safe.
    """

    def __init__(self, bytes_max: int = PACKET_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the frames that are complete now, each as (first byte, body).

        Raises:
            Malformed: a length of more than four bytes or above the limit; the stream is lost.
        """
        buffer = self._buffer
        buffer += data
        frames: list[tuple[int, bytes]] = []
        start = 0
        while (header := self._header(start)) is not None:
            body, end = header
            if end > len(buffer):
                break
            frames.append((buffer[start], bytes(buffer[body:end])))
            start = end
        if start:
            del buffer[:start]
        return frames

    def _header(self, start: int) -> tuple[int, int] | None:
        """Return where the body of the packet at `start` begins and ends, once it is known."""
        length = 0
        for place in range(4):
            at = start + 1 + place
            if at >= len(self._buffer):
                return None
            byte = self._buffer[at]
            length |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if length > self._bytes_max:
                    raise Malformed(f"a packet of {length} bytes, limit {self._bytes_max}")
                return at + 1, at + 1 + length
        raise Malformed("a packet length of more than four bytes")


def decode_packet(first: int, body: bytes) -> Packet:
    """Return the packet that a client sent.

    Args:
        first: the first byte of the fixed header, type and flags.
        body: everything after the remaining length.

    Raises:
        Malformed: not a packet that a client may send, or not a whole one.
    """
    kind, flags = first >> 4, first & 0x0F
    scan = _Scan(body)
    if kind == PUBLISH:
        return _decode_publish(flags, scan)
    # The 3.1 text ignores these flags and its clients set DUP on resent packets.
    if flags & ~0x08 != _FLAGS.get(kind, 0):
        raise Malformed(f"packet type {kind} with flags {flags:#x}")
    match kind:
        case 1:
            packet: Packet = _decode_connect(scan)
        case 4 | 5 | 6 | 7:
            packet = Acknowledge(kind, scan.packet_id())
        case 8:
            packet = _decode_subscribe(scan)
        case 10:
            packet = _decode_unsubscribe(scan)
        case 12 | 14:
            packet = Bare(kind)
        case _:
            raise Malformed(f"packet type {kind} from a client")
    scan.expect_end()
    return packet


def encode_publish(message: Message, packet_id: int = 0, *, is_duplicate: bool = False) -> bytes:
    """Return a PUBLISH; `packet_id` counts only at QoS 1 and 2."""
    first = PUBLISH << 4 | is_duplicate << 3 | message.qos << 1 | message.is_retained
    topic = _text(message.topic)
    number = packet_id.to_bytes(2, "big") if message.qos else b""
    length = _length(len(topic) + len(number) + len(message.payload))
    return b"".join((bytes((first,)), length, topic, number, message.payload))


def encode_connack(code: int) -> bytes:
    """Return a CONNACK without a present session; code 0 accepts, 1..5 refuse."""
    return bytes((CONNACK << 4, 2, 0, code))


def encode_acknowledge(kind: int, packet_id: int) -> bytes:
    """Return a PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK."""
    return bytes((kind << 4 | _FLAGS.get(kind, 0), 2)) + packet_id.to_bytes(2, "big")


def encode_suback(packet_id: int, codes: tuple[int, ...]) -> bytes:
    """Return a SUBACK: per filter the QoS granted, or REFUSED_FILTER."""
    body = packet_id.to_bytes(2, "big") + bytes(codes)
    return bytes((SUBACK << 4,)) + _length(len(body)) + body


def encode_bare(kind: int) -> bytes:
    """Return a packet without content, such as PINGRESP."""
    return bytes((kind << 4, 0))


class _Scan:
    """Reads fields off a packet's body, one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._body):
            raise Malformed(f"a packet ends {end - len(self._body)} bytes early")
        piece = self._body[self._at : end]
        self._at = end
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def packet_id(self) -> int:
        packet_id = self.number(2)
        if packet_id == 0:
            raise Malformed("packet id 0")
        return packet_id

    def blob(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        try:
            return self.blob().decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("a string that is not UTF-8") from error

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    def is_at_end(self) -> bool:
        return self._at == len(self._body)

    def expect_end(self) -> None:
        if not self.is_at_end():
            raise Malformed(f"{len(self._body) - self._at} bytes after the end of a packet")


def _decode_publish(flags: int, scan: _Scan) -> Publish:
    qos = flags >> 1 & 3
    if qos == 3:
        raise Malformed("QoS 3")
    topic = scan.text()
    if not is_topic_name(topic):
        raise Malformed(f"a message for topic {topic[:80]!r}")
    packet_id = scan.packet_id() if qos else 0
    message = Message(topic, scan.rest(), qos, bool(flags & 1))
    return Publish(message, packet_id, bool(flags & 8))


def _decode_connect(scan: _Scan) -> Connect:
    name, level = scan.text(), scan.number(1)
    version = _PROTOCOLS.get((name, level))
    if version is None:
        scan.rest()
        return Connect("", f"{name[:20]} {level}", False, True, 0)
    flags, keep_alive_s = scan.number(1), scan.number(2)
    has_will, will_qos = bool(flags & 0x04), flags >> 3 & 3
    if flags & 0x01 or will_qos == 3 or (not has_will and flags & 0x38):
        raise Malformed(f"CONNECT flags {flags:#04x}")
    if flags & 0x40 and not flags & 0x80:
        raise Malformed("a password without a user name")
    client_id = scan.text()
    will = None
    if has_will:
        topic = scan.text()
        if not is_topic_name(topic):
            raise Malformed(f"a will for topic {topic[:80]!r}")
        will = Message(topic, scan.blob(), will_qos, bool(flags & 0x20))
    username = scan.text() if flags & 0x80 else None
    password = scan.blob() if flags & 0x40 else None
    clean = bool(flags & 0x02)
    return Connect(client_id, version, True, clean, keep_alive_s, will, username, password)


def _decode_subscribe(scan: _Scan) -> Subscribe:
    packet_id = scan.packet_id()
    filters: list[tuple[str, int]] = []
    while not scan.is_at_end() or not filters:
        pattern, qos = scan.text(), scan.number(1)
        if not is_topic_filter(pattern) or qos > 2:
            raise Malformed(f"a subscription to {pattern[:80]!r} at QoS {qos}")
        filters.append((pattern, qos))
    return Subscribe(packet_id, tuple(filters))


def _decode_unsubscribe(scan: _Scan) -> Unsubscribe:
    packet_id = scan.packet_id()
    filters = [scan.text()]
    while not scan.is_at_end():
        filters.append(scan.text())
    return Unsubscribe(packet_id, tuple(filters))


def _text(text: str) -> bytes:
    raw = text.encode("utf-8")
    return len(raw).to_bytes(2, "big") + raw


def _length(length: int) -> bytes:
    """Return the remaining length: seven bits a byte, lowest first, high bit = more follows."""
    out = bytearray()
    while True:
        length, low = divmod(length, 0x80)
        out.append(low | 0x80 if length else low)
        if not length:
            return bytes(out)
