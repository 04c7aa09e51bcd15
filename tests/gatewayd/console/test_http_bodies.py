"""Bodies that come too slowly; what they may hold is tried with the API's own paths."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.console import http_bodies
from tests.gatewayd.console.rooms import open_room


async def test_a_body_that_does_not_arrive_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408, and the gateway is not kept waiting by who promises and does not send."""
    monkeypatch.setattr(http_bodies, "BODY_S", 0.05)
    async with open_room(tmp_path) as room:
        reader, writer = await asyncio.open_connection(*room.place)
        writer.write(
            b"POST /api/outputs/pump/relay HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{"
        )
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        assert not room.gateway.desk.history
