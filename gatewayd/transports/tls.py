"""TLS of connections that we open, and what goes wrong with them in one short fact."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clock import machine_date
from gatewayd.errors import ConfigError

_PLACE_IN_C = re.compile(r"\s*\(_ssl\.c:\d+\)")

_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}
)
"""OpenSSL's names for an answer that is no TLS; they change with its version."""


NOT_YET_VALID, HAS_EXPIRED = 9, 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the server proves itself, and this client where that is asked for.

    Attributes:
        ca_file: PEM; None = the system's authorities.
        certificate_file, key_file: PEM of a client certificate, or None.
        is_verified: False only on a bench; anybody could be the server then.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    is_verified: bool = True
    version_min: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


def make_context(tls: Tls) -> ssl.SSLContext:
    """Return the context; reads files.

    Raises:
        ConfigError: one of them cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        # Since Python 3.13 the default also refuses certificates that lack extensions which
        # private authorities of the clouds' age never wrote (Thing+'s is of 2013). Signature,
        # name and dates are verified all the same.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.minimum_version = tls.version_min
        if not tls.is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.certificate_file:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except OSError as error:  # ssl.SSLError is one: a file that is no PEM.
        files = [str(file) for file in (tls.ca_file, tls.certificate_file, tls.key_file) if file]
        raise ConfigError(f"cannot use {' or '.join(files)}: {tell(error)}") from error
    return context


def tell(error: BaseException) -> str:
    """Return a foreign error as one short fact."""
    if isinstance(error, ssl.SSLCertVerificationError):
        belief = f"this machine believes it is {machine_date()}"
        if error.verify_code == NOT_YET_VALID:
            return f"the certificate is not valid yet: {belief}; is there a time server?"
        if error.verify_code == HAS_EXPIRED:
            return (
                f"the certificate has expired: {belief}; if that is so, the server needs a new one"
            )
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return "no TLS is spoken there"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {_PLACE_IN_C.sub('', error.strerror or str(error))}"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # asyncio puts an address in the place of the reason.
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnicodeError):
        return "this is no host name"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def is_distrusted(error: BaseException) -> bool:
    """Return whether a certificate was refused and only its owner or ours can change that.

    One that is not valid yet is no such case: this machine's clock is behind, and right again
    within seconds once the network tells the time.
    """
    if not isinstance(error, ssl.SSLCertVerificationError):
        return False
    return error.verify_code != NOT_YET_VALID


def is_no_tls(error: BaseException) -> bool:
    """Return whether a handshake ended as it does at a port where no TLS is spoken.

    Some servers answer in their own protocol, others hang up on bytes that they cannot read.
    """
    if isinstance(error, ssl.SSLError):
        return isinstance(error, ssl.SSLEOFError) or error.reason in _NO_TLS
    return isinstance(error, ConnectionResetError | BrokenPipeError)
