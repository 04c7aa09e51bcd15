"""Calls, streams and paging against servers that are not quite thethings.iO."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thethingsio.codec import Entry, decode_time
from gatewayd.clouds.thethingsio.queries import ROWS_MAX
from gatewayd.clouds.thethingsio.rest_calls import Calls, Nobody, all_rows, dated_rows, range_of
from gatewayd.clouds.thethingsio.rest_errors import Busy, NotFound, ThethingsioError, content_of
from gatewayd.clouds.thethingsio.rest_firmwares import Firmware
from gatewayd.errors import GatewayError, LinkError, LinkLost, Malformed
from gatewayd.transports.http import Answer, HttpSettings, open_http
from tests.peers.listening import listening


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[Calls]:
    """Yield calls to a server that answers everything with these bytes, and closes."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()

    async with (
        listening(attend) as port,
        open_http(HttpSettings(base_url=f"http://127.0.0.1:{port}/v2")) as http,
    ):
        yield Calls(http, Nobody())


def ok(body: bytes, status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("body", [b"[]", b"17", b"<html>", b""])
async def test_something_else_than_an_object_is_malformed(body: bytes) -> None:
    """Where an object is expected."""
    async with answering(ok(body)) as calls:
        with pytest.raises(Malformed):
            await calls.record("GET", "/x")


async def test_something_else_than_a_list_is_malformed() -> None:
    """Where a list is expected; odd members of one are passed over."""
    async with answering(ok(b"{}")) as calls:
        with pytest.raises(Malformed):
            await calls.records("/x")
    async with answering(ok(b'[1,{"a":2},null]')) as calls:
        assert await calls.records("/x") == ({"a": 2},)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b'{"status":"error","code":404,"message":"gone"}', NotFound),
        (b'{"status":"error","code":429,"message":"slow down"}', Busy),
        (b'[{"key":"LED","value":1}]', LinkLost),
        (b"{}", LinkLost),
        (b"nonsense", Malformed),
        (b"", LinkLost),
    ],
)
async def test_a_stream_that_is_not_confirmed_is_none(first: bytes, kind: type[Exception]) -> None:
    """Refused in its first text, silent about it, or no stream at all."""
    async with answering(ok(first)) as calls:
        with pytest.raises(kind):
            async with calls.stream("/things/x", 1):
                pass


async def test_a_stream_with_another_confirmation_stands() -> None:
    """Only the status counts; keep-alives are passed over; its end is a lost link."""
    texts = b'{"status":"Success","message":"streaming"} {} [1] {}'
    async with answering(ok(texts)) as calls, calls.stream("/things/x", 1) as pushes:
        assert await anext(pushes) == [1]
        with pytest.raises(LinkLost):
            await anext(pushes)


async def test_what_a_block_raises_is_not_taken_for_a_refused_stream() -> None:
    """A refusal inside is the caller's own."""
    async with answering(ok(b'{"status":"success"}')) as calls:
        with pytest.raises(NotFound):
            async with calls.stream("/things/x", 1):
                raise NotFound(404)


@pytest.mark.parametrize("is_end_included", [False, True])
async def test_paging_gets_every_row_once(is_end_included: bool) -> None:
    """Also from a cloud that counts the end in."""
    rows = [Entry("t", number, 1000 + number // 7) for number in range(3500)][::-1]

    async def fetch(asked: Mapping[str, str]) -> list[Entry]:
        end_ms = decode_time(asked["endDate"]) if "endDate" in asked else 10**9
        inside = [r for r in rows if (r.time_ms or 0) < end_ms + is_end_included]
        return inside[: int(asked["limit"])]

    assert [row async for row in all_rows(fetch)] == rows


async def test_paging_of_nothing_is_nothing() -> None:
    """One question."""
    asked: list[Mapping[str, str]] = []

    async def fetch(these: Mapping[str, str]) -> list[Entry]:
        asked.append(these)
        return []

    assert [row async for row in all_rows(fetch, 0, 1000)] == []
    assert asked == [
        {
            "limit": str(ROWS_MAX),
            "startDate": "1970-01-01T00:00:00.000Z",
            "endDate": "1970-01-01T00:00:01.000Z",
        }
    ]


def test_rows_without_a_name_are_of_the_resource_that_was_asked_for() -> None:
    """Their own name goes first; what is no list is malformed."""
    assert dated_rows([{"value": 1}, {"key": "b", "value": 2}, 3], "a") == [
        Entry("a", 1),
        Entry("b", 2),
    ]
    assert dated_rows(None) == []
    with pytest.raises(Malformed):
        dated_rows({"a": 1}, "a")


def test_a_range_has_its_limits() -> None:
    """One to a thousand."""
    assert range_of() == {"limit": "1"}
    with pytest.raises(ValueError, match="1000"):
        range_of(1001)


@given(
    status=st.integers(100, 999),
    body=st.binary(max_size=80)
    | st.text(max_size=40).map(lambda text: b'{"status":"error","code":' + text.encode() + b"}"),
)
def test_no_answer_is_too_odd(status: int, body: bytes) -> None:
    """It says something, or is refused, or is malformed; nothing else comes out."""
    try:
        content_of(Answer(status, {}, body))
    except (ThethingsioError, Malformed) as error:
        assert isinstance(error, LinkError | GatewayError)


@given(
    st.dictionaries(
        st.sampled_from(("_id", "version", "mcu", "name")),
        st.none() | st.integers() | st.text(max_size=200) | st.booleans(),
    )
)
def test_no_firmware_leaves_its_folder(record: dict[str, object]) -> None:
    """Whatever the cloud calls it, its file's name is one plain word."""
    try:
        name = Firmware.of(record).file_name
    except Malformed:
        return
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
    assert name.count(".") == 1
    assert name.endswith(".bin")
    assert 4 < len(name) <= 104
