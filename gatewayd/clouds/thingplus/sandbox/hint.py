"""How a newcomer gets into the Thing+ sandbox, in lines to copy."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox.world import FIRST_LOGIN
from gatewayd.sandbox.bodies import Document


def hint(place: Document) -> tuple[str, ...]:
    """Return the settings that lead here, then what to do; `place` as `describe` says it."""
    settings = (
        f'host = "127.0.0.1", port = {place["mqtt"]}, tls = false, rest_url = "{place["rest"]}"'
    )
    return (
        f"in [uplink.NAME]: {settings}",
        "gatewayd cloud thingplus login, then provision, which gets the gateway's api_key",
        f"client id, client secret, user and password are all {FIRST_LOGIN!r}",
    )
