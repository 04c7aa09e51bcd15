"""What every control plane shows of a received message."""

from __future__ import annotations

from gatewayd.sandbox.control import with_text


def test_a_payload_that_is_text_is_shown_as_text() -> None:
    """With its size in bytes, the rest as it is."""
    assert with_text({"number": 7, "payload": "21 °C".encode()}) == {
        "number": 7,
        "payload": "21 °C",
        "size": 6,
    }


def test_a_payload_that_is_no_text_is_shown_in_base64() -> None:
    """Under a name of its own, so that nobody takes it for what was sent."""
    assert with_text({"payload": b"\xff\xfe"}) == {"payload_base64": "//4=", "size": 2}
