"""How messages leave over HTTP: as arrays by POST.

Source: Haltian developer site, custom integration; the gateway's own link is not public.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.clouds.thingsee.codec import Message, encode
from gatewayd.clouds.thingsee.report import portions
from gatewayd.clouds.thingsee.settings import Config
from gatewayd.transports.http import Http, Request, refusal


class HttpCarrier:
    """Posts arrays to one address."""

    def __init__(self, http: Http, config: Config) -> None:
        secrets = {name: secret.reveal() for name, secret in config.http_headers.items()}
        self._http = http
        self._headers = {"Content-Type": "application/json", **secrets}

    async def send(self, messages: Sequence[Message]) -> None:
        """Post one array after the other; 2xx is an acknowledgement."""
        for portion in portions(messages):
            request = Request("POST", "", self._headers, encode(portion))
            answer = await self._http.send(request)
            error = refusal(answer, "readings posted")
            if error is not None:
                raise error
