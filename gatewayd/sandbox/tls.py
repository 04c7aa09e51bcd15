"""TLS of the sandboxes: a certificate of their own making, kept between runs."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.sandbox.settings import ListenSettings
from gatewayd.transports.certificates import LocalCertificate, NoCryptography, load_or_make


@dataclass(frozen=True, slots=True)
class Tls:
    """What a sandbox serves TLS with.

    Attributes:
        context: None without TLS; `reason` then says why.
        ca_file: what a client must trust; None without.
    """

    context: ssl.SSLContext | None = None
    ca_file: Path | None = None
    reason: str = ""


def tls_for(settings: ListenSettings, clock: Clock) -> Tls:
    """Return what to serve TLS with, or the reason why not.

    Raises:
        OSError: the certificate cannot be kept.
    """
    if not settings.tls:
        return Tls(reason="switched off")
    try:
        made = load_or_make(settings.state_dir or default_state_dir(), clock.now_ms())
    except NoCryptography as error:
        return Tls(reason=str(error))
    return Tls(_server_context(made), made.ca_file)


def default_state_dir() -> Path:
    """Return where the self-made certificates are kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gatewayd" / "sandbox"


def _server_context(certificate: LocalCertificate) -> ssl.SSLContext:
    """Return a server's TLS settings: 1.2 or newer, as the vendors recommend."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    return context
