"""REST: log-ins. Source: Thinger.io REST API, Authentication."""

from __future__ import annotations

from urllib.parse import parse_qsl

from gatewayd.clouds.thinger.sandbox.call import Call, Route
from gatewayd.sandbox.errors import invalid


async def token(call: Call) -> object:
    """Return a pair for a password or a refresh token; the body is a form, or JSON."""
    if call.request.content_type == "application/json":
        body = call.body()
        asked = body if isinstance(body, dict) else {}
    else:
        asked = dict(parse_qsl(call.raw.decode(errors="replace"), keep_blank_values=True))
    doors = call.premises.doors
    match asked.get("grant_type"):
        case "password":
            return doors.log_in(str(asked.get("username")), str(asked.get("password")))
        case "refresh_token":
            return doors.refresh(str(asked.get("refresh_token")))
    raise invalid("grant_type is password or refresh_token")


ROUTES = (Route("POST", "/oauth/token", token, is_open=True),)
