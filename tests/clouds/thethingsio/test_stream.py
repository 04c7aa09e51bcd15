"""The subscription of thethings.iO, wherever the network has cut it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thethingsio.answers import Refused
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.stream import (
    KEEP_ALIVE,
    SUBSCRIBED,
    KeepAlive,
    Subscribed,
    Texts,
    Written,
    decode_event,
)
from gatewayd.errors import Malformed

PUSH = rb'[{"key":"LED","value":"a \"} ] \\"},{"key":"x","value":{"y":[1,"{"]}}]'
TEXTS = [SUBSCRIBED, KEEP_ALIVE, PUSH, KEEP_ALIVE, b"[]"]


def cut(data: bytes, *places: int) -> list[bytes]:
    """Feed data in parts and return the texts that come out."""
    texts, ends = Texts(), [*sorted(places), len(data)]
    found, start = [], 0
    for end in ends:
        found += texts.feed(data[start:end])
        start = end
    return found


def test_texts_are_found_at_every_border() -> None:
    """Cut in two at every byte, byte by byte, and all in one."""
    data = b"".join(TEXTS)
    for place in range(len(data) + 1):
        assert cut(data, place) == TEXTS
    assert cut(data, *range(len(data))) == TEXTS


@given(st.lists(st.integers(0, 200)), st.sampled_from([b"", b"\n", b" \r\n\t"]))
def test_texts_are_found_at_any_borders(places: list[int], space: bytes) -> None:
    """With or without space between them."""
    data = space.join(TEXTS)
    assert cut(data, *(place for place in places if place <= len(data))) == TEXTS


@pytest.mark.parametrize("data", [b"x", b"<html>", b"]", b"}", b"5", b'"a"', b"{} null"])
def test_what_is_no_array_or_object_is_malformed(data: bytes) -> None:
    """Nobody knows where the next one would begin."""
    with pytest.raises(Malformed, match="neither"):
        Texts().feed(data)


def test_a_text_has_an_end() -> None:
    """One that grows for ever is given up; many short ones are not."""
    texts = Texts(size_max=100)
    for _ in range(50):
        assert texts.feed(b"[1,2,3,4,5]" * 10) == [b"[1,2,3,4,5]"] * 10
    with pytest.raises(Malformed, match="100 bytes"):
        for _ in range(20):
            texts.feed(b'["xxxxx",')


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes_are_texts_or_malformed(chunks: list[bytes]) -> None:
    """And no text comes out that does not begin and end with its brackets."""
    texts = Texts(size_max=100)
    try:
        for chunk in chunks:
            for text in texts.feed(chunk):
                assert text[:1] + text[-1:] in (b"[]", b"{}", b"[}", b"{]")
    except Malformed:
        return


def test_each_text_is_one_event() -> None:
    """Of the first only the status counts: another client saw another message there."""
    assert isinstance(decode_event(SUBSCRIBED), Subscribed)
    assert isinstance(decode_event(b'{"status":"Success","message":"streaming"}'), Subscribed)
    assert isinstance(decode_event(KEEP_ALIVE), KeepAlive)
    assert decode_event(b'{"status":"error","code":401,"message":"no"}') == Refused(401, "no")
    for text in (b'[{"key":"LED","value":"ON"}]', b'{"values":[{"key":"LED","value":"ON"}]}'):
        assert decode_event(text) == Written([Entry("LED", "ON")])


@pytest.mark.parametrize("text", [b"", b"[", b"5", b'{"a":1}', b"\xff", b"[" * 5000 + b"]" * 5000])
def test_a_text_without_meaning_is_malformed(text: bytes) -> None:
    """JSON or not."""
    with pytest.raises(Malformed):
        decode_event(text)
