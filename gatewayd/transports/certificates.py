"""A certificate authority of our own for TLS on the loopback: made once, kept in a folder.

Needs the package cryptography (the extra `sandbox`), imported only when something must be made.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.errors import GatewayError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LIFE = timedelta(days=3650)
EARLY = timedelta(days=1)
"""Valid from the day before: a clock that is a little slow must not refuse it."""

NAMES = ("localhost",)
FILES = ("ca.pem", "cert.pem", "key.pem")


class NoCryptography(GatewayError):
    """The package that makes certificates is not installed; TLS stays off."""


@dataclass(frozen=True, slots=True)
class LocalCertificate:
    """Three PEM files: the authority to trust, the server's certificate and its key."""

    ca_file: Path
    cert_file: Path
    key_file: Path


def load_or_make(folder: Path, now_ms: int) -> LocalCertificate:
    """Return the certificate for 127.0.0.1 and localhost that is kept in a folder.

    Several processes may ask at once: the set is made aside and renamed into place as a whole,
    and whoever comes second uses the first one's.

    Raises:
        NoCryptography: there is none yet and none can be made.
        OSError: the folder cannot be written.
    """
    place = folder / "certificates"
    if not all((place / name).exists() for name in FILES):
        _make(place, datetime.fromtimestamp(now_ms / 1000, UTC))
    return LocalCertificate(*(place / name for name in FILES))


def _make(place: Path, now: datetime) -> None:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise NoCryptography("TLS is off: install gatewayd[sandbox] for it") from error
    ca_key, ca = _authority(now)
    key, cert = _server(now, ca_key, ca)
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    texts = (
        ca.public_bytes(pem),
        cert.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".certificates-", dir=place.parent))
    try:
        for name, text in zip(FILES, texts, strict=True):
            file = os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as stream:
                stream.write(text)
        if place.exists() and not all((place / name).exists() for name in FILES):
            shutil.rmtree(place)  # Half a set, from a version or a person that knew better.
        aside.rename(place)
    except OSError:
        if not place.exists():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _authority(now: datetime) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("gatewayd sandbox authority")
    limits = x509.BasicConstraints(ca=True, path_length=0)
    builder = _builder(now, name, name, key).add_extension(limits, critical=True)
    return key, _signed(builder.add_extension(_signs_only(), critical=True), key)


def _server(
    now: datetime, ca_key: EllipticCurvePrivateKey, ca: x509.Certificate
) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names.append(x509.IPAddress(IPv4Address("127.0.0.1")))
    builder = _builder(now, _name("gatewayd sandbox"), ca.subject, key)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, _signed(builder, ca_key)


def _builder(
    now: datetime, subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    # Strict clients (Python since 3.13, RFC 5280 4.2.1.1) want to be led to the signer's key.
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return builder.add_extension(signer, critical=False).sign(key, hashes.SHA256())


def _signs_only() -> x509.KeyUsage:
    from cryptography import x509

    uses = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **uses)


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
