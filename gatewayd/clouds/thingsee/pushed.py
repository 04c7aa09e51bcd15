"""Thingsee's push of message arrays over HTTP, taken by this gateway; pure but for its memory.

The same object serves the listener of an uplink and any other HTTP server that has the bytes:
`take` is a plain function.

Source: Haltian developer site, custom integration (POST of an array, headers as the customer says).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from gatewayd.clouds.thingsee.inbound import Ear
from gatewayd.fields import Secret
from gatewayd.model import Command
from gatewayd.transports.http_inbox import Posted, Verdict


class Pushes:
    """Takes pushes for one uplink."""

    def __init__(
        self, ear: Ear, offer: Callable[[Sequence[Command]], bool], token: Secret | None
    ) -> None:
        """`offer` takes the commands of routes, all or none."""
        self._ear = ear
        self._offer = offer
        self._token = token

    def take(self, posted: Posted) -> Verdict:
        """Return 200 with counts; 400 for what holds no message, 401 without the token, 503 full.

        What was refused may be pushed again: only what was answered with 200 has been heard.
        What does not say that it is JSON is a 415: any web page can have a browser on this
        machine post a form to the loopback, but not JSON.
        """
        kind = posted.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return Verdict(415, b'{"message":"expected application/json"}')
        if not self._is_allowed(posted.headers.get("authorization", "")):
            return Verdict(401, b'{"statusCode":401,"error":"Unauthorized","message":"no token"}')
        heard = self._ear.hear(posted.body)
        if heard.faults and not heard.messages:
            return Verdict(400, heard.to_json())
        if not self._offer(heard.commands):
            self._ear.forget(heard)
            return Verdict(503, heard.to_json())
        return Verdict(200, heard.to_json())

    def _is_allowed(self, said: str) -> bool:
        if self._token is None:
            return True
        wanted = f"Bearer {self._token.reveal()}"
        return hmac.compare_digest(said.encode(errors="surrogateescape"), wanted.encode())
