"""What is no HTTP leaves no traceback behind; what is our own fault still does."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp.http_exceptions import BadHttpMessage

from gatewayd.transports.http_inbox import Posted, Verdict, open_inbox
from gatewayd.transports.http_noise import Noise, make_logger

BROKEN = b"GET / HTTP/1.1\r\nHost: x\r\nX: \x01\r\n\r\n"


def test_unreadable_requests_are_counted_and_told_seldom(caplog: pytest.LogCaptureFixture) -> None:
    """At the first, the tenth, the hundredth."""
    told: list[int] = []
    noise = Noise(told.append)
    logger = make_logger(noise)
    for _ in range(100):
        logger.error("broken", exc_info=BadHttpMessage("x"))
    assert (told, noise.count) == ([1, 10, 100], 100)
    assert not caplog.records


def test_our_own_faults_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that raises is a bug, and bugs are loud."""
    with caplog.at_level(logging.ERROR):
        make_logger(Noise()).error("bug", exc_info=ValueError("x"))
    assert [record.message for record in caplog.records] == ["bug"]


async def test_no_stranger_fills_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """At a real socket: a request that cannot be read is answered with 400, and that is all."""
    async with open_inbox("127.0.0.1", 0, take) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(BROKEN)
        async with asyncio.timeout(5):
            assert b" 400 " in await reader.readline()
        writer.close()
    assert not caplog.records


def take(posted: Posted) -> Verdict:
    return Verdict(200, b"{}")
