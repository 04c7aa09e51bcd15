"""Pushes over HTTP as a plain function: bytes in, a verdict out."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from gatewayd.clouds.thingsee.inbound import Ear
from gatewayd.clouds.thingsee.pushed import Pushes
from gatewayd.fields import Secret
from gatewayd.model import Command
from gatewayd.routes import Route
from gatewayd.transports.http_inbox import Posted

MESSAGE = {"tsmId": 2100, "tsmEv": 7, "tsmTs": 100, "tsmTuid": "PIR", "state": 1}
ROUTE = Route(message=2100, thing="PIR", field="state", output="light/relay")
JSON = {"content-type": "application/json; charset=utf-8"}
BODY = json.dumps([MESSAGE]).encode()


class Room:
    """A queue with so many places."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.commands: list[Command] = []

    def offer(self, commands: Sequence[Command]) -> bool:
        if len(commands) > self.places - len(self.commands):
            return False
        self.commands += commands
        return True


def push(pushes: Pushes, body: bytes = BODY, **headers: str) -> int:
    return pushes.take(Posted("/", {**JSON, **headers}, body)).status


def test_a_push_becomes_commands() -> None:
    """Once, however often it comes; an empty array is fine too."""
    room = Room(9)
    pushes = Pushes(Ear("push", [ROUTE], ()), room.offer, None)
    assert [push(pushes), push(pushes), push(pushes, b"[]")] == [200, 200, 200]
    assert [command.value for command in room.commands] == [1]


@pytest.mark.parametrize("body", [b"", b"7", b'[{"tsmId":1}]', b"\xff"])
def test_what_holds_no_message_is_a_400(body: bytes) -> None:
    """With what is wrong."""
    verdict = Pushes(Ear("push", [], ()), Room(9).offer, None).take(Posted("/", JSON, body))
    assert verdict.status == 400
    assert json.loads(verdict.body)["faults"]


def test_a_form_of_a_web_page_is_not_taken() -> None:
    """Any page can have a browser on this machine post one."""
    pushes = Pushes(Ear("push", [ROUTE], ()), Room(9).offer, None)
    assert pushes.take(Posted("/", {"content-type": "text/plain"}, BODY)).status == 415
    assert pushes.take(Posted("/", {}, BODY)).status == 415


def test_without_the_token_nothing_is_heard() -> None:
    """Nor with another."""
    room = Room(9)
    pushes = Pushes(Ear("push", [ROUTE], ()), room.offer, Secret("right"))
    assert push(pushes) == push(pushes, authorization="Bearer wröng") == 401
    assert not room.commands
    assert push(pushes, authorization="Bearer right") == 200


def test_what_does_not_fit_may_come_again() -> None:
    """It is not taken for a repeat then."""
    room = Room(0)
    pushes = Pushes(Ear("push", [ROUTE], ()), room.offer, None)
    assert push(pushes) == 503
    room.places = 1
    assert push(pushes) == 200
    assert len(room.commands) == 1


def test_a_token_that_is_no_text_is_refused() -> None:
    """Bytes beyond ASCII in a header are 401 like any other wrong token, not a failure of ours."""
    pushes = Pushes(Ear("x", (), ()), lambda commands: True, Secret("right"))
    headers = {"content-type": "application/json", "authorization": "Bearer \udc89\udceb"}
    assert pushes.take(Posted("/", headers, b"[]")).status == 401
