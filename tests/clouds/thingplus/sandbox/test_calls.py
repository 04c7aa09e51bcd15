"""Requests and answers, without a broker."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from gatewayd.clouds.thingplus.rpc import Response
from gatewayd.clouds.thingplus.sandbox.calls import Calls, NoAnswer, new_request
from gatewayd.transports.mqtt_packets import Message


def test_an_id_is_nine_lower_case_letters_and_digits() -> None:
    """And no two are alike."""
    ids = {new_request("swInfo").id for _ in range(200)}
    assert len(ids) == 200
    assert all(len(each) == 9 and each.isalnum() and each == each.lower() for each in ids)


async def test_an_answer_finds_its_request_whatever_the_order() -> None:
    """Two under way, answered in reverse; a second answer finds nobody."""
    sent: list[Message] = []
    calls = Calls(lambda message: sent.append(message) or 1)  # type: ignore[func-returns-value]  # A line of glue.
    asked = [asyncio.create_task(calls.call("g", new_request("a"), 1)) for _ in range(2)]
    await asyncio.sleep(0)
    ids = [orjson.loads(message.payload)["id"] for message in sent]
    assert calls.answer("g", Response(ids[1], "second"))
    assert calls.answer("g", Response(ids[0], "first"))
    assert not calls.answer("g", Response(ids[0], "again"))
    assert [(await each).result for each in asked] == ["first", "second"]


async def test_an_answer_of_another_gateway_is_none() -> None:
    """The same id from elsewhere completes nothing."""
    calls = Calls(lambda message: 1)
    request = new_request("a")
    asked = asyncio.create_task(calls.call("g", request, 0.05))
    await asyncio.sleep(0)
    assert not calls.answer("h", Response(request.id, ""))
    with pytest.raises(NoAnswer, match="not answered"):
        await asked
    assert not calls.answer("g", Response(request.id, "late"))
