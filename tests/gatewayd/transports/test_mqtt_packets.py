"""The packet codec: vectors from the standard, and any bytes at all."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import Malformed
from gatewayd.transports import mqtt_packets as mqtt
from gatewayd.transports.mqtt_packets import Framer, Message, decode_packet, encode_publish
from gatewayd.transports.mqtt_topics import is_topic_name

TOPICS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1)


def test_the_connect_of_the_standard_is_read() -> None:
    """MQTT 3.1.1, figure 3.6 and the payload after it: will, user name and password."""
    body = (
        b"\x00\x04MQTT\x04\xee\x00\x0a" + b"\x00\x01c" + b"\x00\x01w" + b"\x00\x01m"
        b"\x00\x01u" + b"\x00\x01p"
    )
    packet = decode_packet(0x10, body)
    assert isinstance(packet, mqtt.Connect)
    assert packet.will == Message("w", b"m", 1, is_retained=True)
    assert (packet.client_id, packet.username, packet.password) == ("c", "u", b"p")
    assert (packet.clean_session, packet.keep_alive_s) == (True, 10)
    assert "password" not in repr(packet)


@given(st.integers(0, 255), st.binary(max_size=300))
def test_any_bytes_are_a_packet_or_malformed(first: int, body: bytes) -> None:
    """Nothing else is raised, whatever a network brings."""
    with contextlib.suppress(Malformed):
        decode_packet(first, body)


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_any_stream_is_framed_or_malformed(stream: bytes, step: int) -> None:
    """Slices of any size give the same frames, and no frame passes the limit."""

    def frames(slices: list[bytes]) -> object:
        framer = Framer(1000)
        try:
            return [frame for piece in slices for frame in framer.feed(piece)]
        except Malformed:
            return "malformed"

    whole = frames([stream])
    sliced = frames([stream[at : at + step] for at in range(0, len(stream), step)])
    assert whole == sliced
    assert whole == "malformed" or all(len(body) <= 1000 for _, body in whole)  # type: ignore[attr-defined]  # A list here.


@given(TOPICS, st.binary(max_size=500), st.integers(0, 1), st.booleans(), st.integers(1, 65535))
def test_a_message_survives_the_wire(
    topic: str, payload: bytes, qos: int, is_retained: bool, packet_id: int
) -> None:
    """Encode, frame, decode: the same message."""
    message = Message(topic, payload, qos, is_retained)
    ((first, body),) = Framer().feed(encode_publish(message, packet_id))
    packet = decode_packet(first, body)
    assert packet == mqtt.Publish(message, packet_id if qos else 0)


@pytest.mark.parametrize(
    ("length", "encoded"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (16_384, b"\x80\x80\x01")],
)
def test_lengths_are_coded_as_in_the_standard(length: int, encoded: bytes) -> None:
    """Table 2.4: seven bits a byte, lowest first."""
    packet = encode_publish(Message("t", bytes(max(length - 3, 0))))
    assert length == 0 or packet[1 : 1 + len(encoded)] == encoded


def test_a_topic_name_has_no_wildcard() -> None:
    """Neither has it a NUL, and it is not empty."""
    assert is_topic_name("a/b")
    assert not any(map(is_topic_name, ("", "a/+", "#", "a\0")))
