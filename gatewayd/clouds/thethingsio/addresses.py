"""Where things are at thethings.iO: paths below `/v2`, topics; pure.

A thing token stands in every one of them. So they are secrets: none may be logged.

Source: thethings.iO API reference; MQTT guide.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

ACTIVATE = "/things"


def thing_path(token: str, **query: str) -> str:
    """Return the path to write to a thing, or to subscribe to it."""
    return f"/things/{quote(token, safe='')}{_query(query)}"


def resource_path(token: str, key: str, **query: str) -> str:
    """Return the path to read one resource; a `$` is written `%24`."""
    return f"/things/{quote(token, safe='')}/resources/{quote(key, safe='')}{_query(query)}"


def _query(query: dict[str, str]) -> str:
    return f"?{urlencode(query)}" if query else ""


def thing_topic(token: str) -> str:
    """Return the topic of a thing, for both directions."""
    return f"v2/things/{token}"


def activation_topic(code: str, unique: str) -> str:
    """Return the topic on which a broker answers an activation to whoever subscribes."""
    return f"v2/activations/{code}/{unique}"
