"""TLS of the sandboxes: a certificate of their own making, kept between runs."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.sandbox.settings import ListenSettings
from gatewayd.transports.certificates import LocalCertificate, NoCryptography, load_or_make


def certificate_for(settings: ListenSettings, clock: Clock) -> tuple[LocalCertificate | None, str]:
    """Return the certificate to serve TLS with, or None and the reason why not.

    Raises:
        OSError: it cannot be kept.
    """
    if not settings.tls:
        return None, "switched off"
    try:
        return load_or_make(settings.state_dir or default_state_dir(), clock.now_ms()), ""
    except NoCryptography as error:
        return None, str(error)


def default_state_dir() -> Path:
    """Return where the self-made certificates are kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gatewayd" / "sandbox"


def server_context(certificate: LocalCertificate) -> ssl.SSLContext:
    """Return a server's TLS settings: 1.2 or newer, as the vendors recommend."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    return context
