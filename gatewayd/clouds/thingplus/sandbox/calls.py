"""Requests of the cloud to a gateway, and the answers that come back: JSON-RPC over MQTT.

The first answer with a request's id completes it, later ones are ignored: the vendor's gateway
answers twice when it restarts (Thing+ node gateway). A request to a gateway that is not there is
lost and times out, as with the vendor, whose sessions are clean.
"""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatewayd.clouds.thingplus.codec import Form, encode_topic
from gatewayd.clouds.thingplus.rpc import Request, Response, encode_request
from gatewayd.transports.mqtt_packets import Message

ID_LETTERS = string.ascii_lowercase + string.digits
WAITING_MAX = 1000
"""Requests under way at once; more means that nobody answers, and they time out anyway."""


class NoAnswer(Exception):
    """The gateway did not answer in time."""


@dataclass(slots=True)
class CallFaults:
    """What goes wrong with requests. `lose` counts requests that are never sent, -1 = all."""

    lose: int = 0
    delay_s: float = 0.0


class Calls:
    """The requests that wait for an answer."""

    def __init__(self, publish: Callable[[Message], int]) -> None:
        self.faults = CallFaults()
        self._publish = publish
        self._waiting: dict[tuple[str, str], asyncio.Future[Response]] = {}

    async def call(self, gateway: str, request: Request, timeout_s: float) -> Response:
        """Send a request and return its first answer.

        Raises:
            NoAnswer: none came in time, or too many are waiting.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise NoAnswer(f"{WAITING_MAX} requests are waiting already")
        key = gateway, request.id
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(gateway, request)
                return await answer
        except TimeoutError:
            raise NoAnswer(f"{request.method} was not answered within {timeout_s:g} s") from None
        finally:
            del self._waiting[key]

    async def _send(self, gateway: str, request: Request) -> None:
        if self.faults.lose:
            self.faults.lose -= self.faults.lose > 0
            return
        if self.faults.delay_s:
            await asyncio.sleep(self.faults.delay_s)
        topic = encode_topic(gateway, Form.REQUEST)
        self._publish(Message(topic, encode_request(request), 1))

    def answer(self, gateway: str, response: Response) -> bool:
        """Complete a request; return false if none of this id is waiting."""
        waiting = self._waiting.get((gateway, response.id))
        if waiting is None or waiting.done():
            return False
        waiting.set_result(response)
        return True


def new_request(method: str, params: Any = None) -> Request:
    """Return a request with a fresh id of nine lower-case letters and digits."""
    return Request("".join(secrets.choice(ID_LETTERS) for _ in range(9)), method, params)
