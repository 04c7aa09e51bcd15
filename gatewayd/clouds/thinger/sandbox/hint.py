"""How a newcomer gets into the Thinger.io sandbox, in lines to copy."""

from __future__ import annotations

from gatewayd.clouds.thinger.sandbox.world import FIRST_USER
from gatewayd.sandbox.bodies import Document


def hint(place: Document) -> tuple[str, ...]:
    """Return the settings that lead here, then what to do; `place` as `describe` says it."""
    settings = (
        f'user = "{FIRST_USER}", transport = "tcp", host = "127.0.0.1", port = {place["socket"]}, '
        f'rest_url = "{place["rest"]}"'
    )
    return (
        f"in [uplink.NAME]: {settings}",
        f"gatewayd cloud thinger login, with password {FIRST_USER}; then register, for the rest",
    )
