"""Who may ask the HTTP console for what, before anybody looks at the request itself. Pure.

Strategy: a browser is the only client that can be made to ask by somebody else. So what a browser
says of itself (`Origin`, `Sec-Fetch-Site`, `Host`) is checked, and a script that says nothing of
the kind is let through: it has no session that a stranger could ride on.

Three tricks are stopped here. A page elsewhere that posts to us: it is not of our origin, and its
form cannot say `application/json`. A page elsewhere that opens streams from us: not of our
origin. A page whose own name is made to point at our loopback (DNS rebinding): its `Host` is
neither an address nor localhost. Where a password is asked for, the last is harmless, because the
session's cookie belongs to the name that we were called by.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

OPEN_PATHS = frozenset(
    {"/healthz", "/login", "/api/login", "/static/page.css", "/static/login.js", "/static/icon.svg"}
)
"""What everybody may see: whether we work, and the way in."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Server": "gatewayd",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer."""


def split_address(listen: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:8090` or `[::1]:8090`; the configuration checked it."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Return whether a host, by name or address, is this machine for itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def find_objection(
    method: str, path: str, headers: Mapping[str, str], *, needs_key: bool
) -> str | None:
    """Return why a request is not even looked at, as a sentence, or None.

    Args:
        needs_key: a password is asked for, so no stranger's page can do more than knock.
    """
    if path == "/healthz":
        return None
    host = headers.get("Host", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if not needs_key and not is_loopback(name.strip("[]")):
        return (
            "this console is open to this machine alone, under localhost or its address; "
            "with a password it can be reached by any name"
        )
    is_page = path in ("/", "/login") and method in SAFE_METHODS
    # A link in an e-mail may lead to the page; the page then asks for the rest by itself.
    if not is_page and headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return "a page of another origin asks; only the console's own page may"
    origin = headers.get("Origin")
    if origin is not None and origin.lower().partition("://")[2] != host:
        return "a page of another origin asks; only the console's own page may"
    return None
