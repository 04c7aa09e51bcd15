"""How a newcomer gets into the thethings.iO sandbox, in lines to copy."""

from __future__ import annotations

from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL, FIRST_PASSWORD
from gatewayd.sandbox.bodies import Document


def hint(place: Document) -> tuple[str, ...]:
    """Return the settings that lead here, then what to do; `place` as `describe` says it."""
    settings = f'rest_url = "{place["rest"]}", app_url = "{place["rest"]}"'
    return (
        f"in [uplink.NAME]: {settings}",
        f"curl {place['control']}provision -d '{{\"codes\": [{{}}]}}' makes an activation_code",
        "gatewayd cloud thethingsio activate, then login, then link; "
        f"e-mail {FIRST_EMAIL}, app {FIRST_APP}, password {FIRST_PASSWORD}",
    )
