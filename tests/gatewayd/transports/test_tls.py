"""What a foreign error is called, and when the other end speaks no TLS."""

from __future__ import annotations

import socket
import ssl

import pytest

from gatewayd.transports.tls import is_no_tls, tell


def ssl_error(kind: type[ssl.SSLError], reason: str = "") -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] in words (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('::1', 1)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (FileNotFoundError(2, "No such file or directory", "x"), "No such file or directory"),
        (UnicodeError("label empty"), "this is no host name"),
        (ssl_error(ssl.SSLError, "WRONG_VERSION_NUMBER"), "no TLS is spoken there"),
        (ssl_error(ssl.SSLError, "BAD_MAC"), "TLS failed: [SSL: BAD_MAC] in words"),
        (ValueError("odd"), "ValueError: odd"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_an_error_is_one_short_fact(error: Exception, fact: str) -> None:
    """The system's words without the program's; a name only where there is nothing else."""
    assert tell(error) == fact


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (ssl_error(ssl.SSLEOFError), True),
        (ssl_error(ssl.SSLError, "WRONG_VERSION_NUMBER"), True),
        (ConnectionResetError(104, "reset"), True),
        (ssl_error(ssl.SSLCertVerificationError, "CERTIFICATE_VERIFY_FAILED"), False),
        (ConnectionRefusedError(111, "refused"), False),
        (TimeoutError(), False),
    ],
)
def test_a_port_without_tls_is_known_by_its_ends(error: Exception, is_so: bool) -> None:
    """An answer that is no TLS, or none; not a certificate, and not a closed port."""
    assert is_no_tls(error) == is_so
