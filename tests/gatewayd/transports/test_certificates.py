"""The authority of our own."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

from gatewayd.transports.certificates import NoCryptography, load_or_make

NOW_MS = 1_793_500_000_000


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    """The second call reads the same files; the key is its owner's alone."""
    first = load_or_make(tmp_path, NOW_MS)
    pem = first.cert_file.read_bytes()
    assert load_or_make(tmp_path, NOW_MS) == first
    assert first.cert_file.read_bytes() == pem
    assert first.key_file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["certificates"]


def test_certificate_and_key_fit(tmp_path: Path) -> None:
    """OpenSSL loads them, and the authority is one."""
    made = load_or_make(tmp_path, NOW_MS)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.cert_file, made.key_file)
    client = ssl.create_default_context(cafile=str(made.ca_file))
    assert client.cert_store_stats()["x509_ca"] == 1


def test_half_a_set_is_made_anew(tmp_path: Path) -> None:
    """A key alone is of no use."""
    made = load_or_make(tmp_path, NOW_MS)
    made.ca_file.unlink()
    again = load_or_make(tmp_path, NOW_MS)
    assert again.ca_file.exists()


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clear sentence; what was made before is still served."""
    kept = tmp_path / "kept"
    load_or_make(kept, NOW_MS)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(NoCryptography, match=r"gatewayd\[sandbox\]"):
        load_or_make(tmp_path / "new", NOW_MS)
    assert load_or_make(kept, NOW_MS).ca_file.exists()
