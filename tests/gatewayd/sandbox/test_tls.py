"""What a sandbox serves TLS with."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.sandbox.settings import ListenSettings
from gatewayd.sandbox.tls import Tls, tls_for


def test_a_certificate_comes_with_what_a_client_must_trust(tmp_path: Path) -> None:
    """Kept in the folder of the settings; 1.2 is the oldest TLS."""
    made = tls_for(ListenSettings(state_dir=tmp_path), SystemClock())
    assert made.context is not None
    assert made.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert made.ca_file is not None
    assert made.ca_file.is_file()
    assert made.ca_file.is_relative_to(tmp_path)
    assert made.reason == ""


def test_tls_that_is_switched_off_makes_no_certificate(tmp_path: Path) -> None:
    """And says so."""
    settings = ListenSettings(state_dir=tmp_path, tls=False)
    assert tls_for(settings, SystemClock()) == Tls(reason="switched off")
    assert not list(tmp_path.iterdir())


def test_without_the_package_that_makes_certificates_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox then runs without TLS."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    tls = tls_for(ListenSettings(state_dir=tmp_path), SystemClock())
    assert (tls.context, tls.ca_file) == (None, None)
    assert "gatewayd[sandbox]" in tls.reason
