"""The relay's eyes: it must know a telemetry row from everything else on the wire."""

from __future__ import annotations

from tests.bench.relay import PUBLISH, Sniffer, packet_bytes, topic_of

PING = b"\xc0\x00"
ROW = b"\x32\x0c\x00\x05v/a/g\x00\x01[1]"
"""PUBLISH, QoS 1, topic v/a/g, packet id 1, payload [1]; by hand from MQTT 3.1.1, 3.3."""

LONG = b"\x30\x83\x01\x00\x01t" + bytes(128)
"""A remaining length of 131 takes two bytes."""


def test_a_packet_has_the_length_that_its_header_says() -> None:
    """One and two bytes of length are read, half a header is not guessed at."""
    assert packet_bytes(PING) == 2
    assert packet_bytes(ROW) == len(ROW)
    assert packet_bytes(LONG) == len(LONG)
    assert packet_bytes(b"\x32") is None
    assert packet_bytes(b"\x30\x83") is None


def test_only_a_publish_has_a_topic() -> None:
    """A topic is read behind a length of any size, and nowhere else."""
    assert topic_of(ROW) == "v/a/g"
    assert topic_of(LONG) == "t"
    assert topic_of(PING) == ""


def test_packets_are_seen_however_the_bytes_are_cut() -> None:
    """A packet counts when its last byte came, and looking ends when it is told to."""
    seen: list[tuple[int, str]] = []

    def take(kind: int, topic: str) -> bool:
        seen.append((kind, topic))
        return kind == PUBLISH

    sniffer = Sniffer(take)
    for byte in PING + ROW + PING:
        sniffer.feed(bytes([byte]))
    assert seen == [(12, ""), (PUBLISH, "v/a/g")]
