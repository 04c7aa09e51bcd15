"""How a newcomer gets into the Thingsee sandbox, in lines to copy."""

from __future__ import annotations

from gatewayd.clouds.thingsee.sandbox.world import FIRST_CLIENT
from gatewayd.sandbox.bodies import Document


def hint(place: Document) -> tuple[str, ...]:
    """Return the settings that lead here, then what to do; `place` as `describe` says it."""
    settings = (
        f'host = "127.0.0.1", port = {place["mqtt"]}, tls = false, rest_url = "{place["api"]}", '
        f'client_id = "{FIRST_CLIENT}", client_secret = "{FIRST_CLIENT}"'
    )
    return (
        f"in [uplink.NAME]: {settings}",
        "gateways need no password; gatewayd cloud thingsee register --group prxx00test, and",
        "again after the first messages; login asks for the client id and secret above",
        "as the vendor's API, it sends settings only; to switch relays through it as well:",
        f"curl {place['control']}provision -d '{{\"lenient\": true}}'",
    )
