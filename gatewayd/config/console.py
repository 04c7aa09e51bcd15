"""`[console]`: who may reach it, with what, and what to say where that is unwise."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from gatewayd.config.names import ALLOWED, is_name
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, show
from gatewayd.config.settings import Console, ConsoleToken
from gatewayd.config.shapes import Withheld, shape_of

TOKEN_CHARACTERS_MIN = 16
"""A token is checked quickly, so it must be beyond guessing: 16 hex digits are 64 bits."""

TOKENS_MAX = 32
"""Each is compared with whatever a stranger brings."""

RESERVED = "password"
"""The origin of commands from the page."""


def read_console(document: Mapping[str, Any], report: Report) -> Console:
    """Return the section; report what is wrong with it, and what is legal but unwise."""
    table = document.get("console", {})
    if not isinstance(table, dict):
        report.at_value(("console",), f"found {show(table)}", "expected a table [console]")
        return Console()
    console = shape_of(Console).fill(table, ("console",), report) or Console()
    _check_tokens(console.tokens, report)
    _check_certificate(console, report)
    if console.listen is not None:
        _check_listen(console, console.listen, report)
    return console


def _check_listen(console: Console, listen: str, report: Report) -> None:
    place: Keys = ("console", "listen")
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        expected = 'expected address and port, such as "127.0.0.1:8090"'
        report.at_value(place, f"found {show(listen)}", expected)
    elif _is_loopback(host):
        return
    elif not console.is_guarded:
        found = f"{show(listen)} can be reached from the network"
        report.at_value(place, found, "expected a password or tokens beside it, or 127.0.0.1")
    elif console.certificate_file is None:
        found = f"{show(listen)} can be reached from the network, and it does not speak TLS"
        advice = "whoever listens there reads the password; set certificate_file and key_file"
        report.warn(place, found, advice)


def _check_tokens(tokens: Mapping[str, ConsoleToken], report: Report) -> None:
    if len(tokens) > TOKENS_MAX:
        found = f"found {len(tokens)} tokens"
        report.at_key(("console", "tokens"), found, f"expected at most {TOKENS_MAX}")
    seen: dict[str, str] = {}
    for name, each in tokens.items():
        place: Keys = ("console", "tokens", name)
        if not is_name(name) or name == RESERVED:
            expected = "expected another one" if name == RESERVED else ALLOWED
            report.at_key(place, f"found the name {show(name)}", expected)
        if isinstance(each.token, Withheld):
            continue
        text = each.token.reveal()
        if len(text) < TOKEN_CHARACTERS_MIN or not text.isascii() or not text.isprintable():
            expected = f"expected {TOKEN_CHARACTERS_MIN} or more of ASCII: openssl rand -hex 16"
            report.at_value(
                (*place, "token"), "a token that can be guessed or sent wrongly", expected
            )
        elif seen.setdefault(text, name) != name:
            found = f"the token of {name} is {seen[text]}'s already"
            report.at_value((*place, "token"), found, "expected one of its own")


def _check_certificate(console: Console, report: Report) -> None:
    certificate, key = console.certificate_file, console.key_file
    if certificate is None:
        if key is not None:
            expected = "expected certificate_file beside it"
            report.at_value(("console", "key_file"), "found a key without certificate", expected)
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except PermissionError:
        return  # Only the service may read its key; it will say so itself if it cannot.
    except OSError as error:  # ssl.SSLError is one: a file that is no PEM, a key of another one.
        found = f"cannot use {certificate}: {error.strerror or error}"
        expected = "expected PEM files with a certificate and its key"
        report.at_value(("console", "certificate_file"), found, expected)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
