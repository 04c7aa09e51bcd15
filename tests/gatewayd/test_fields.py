from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.fields import (
    SECRET_BYTES_MAX,
    Secret,
    parse_duration,
    parse_size,
    show_duration,
    show_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("10s", 10.0), (" 1.5 h ", 5400.0), ("5m", 300.0), ("30d", 2_592_000.0)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    """Blanks do no harm."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("value", [10, "10", "10 sec", "-1s", "s", "", None, "9" * 16 + "s"])
def test_what_is_no_duration_is_refused(value: object) -> None:
    """A bare number above all: seconds or milliseconds?"""
    with pytest.raises(ValueError, match="a number and a unit"):
        parse_duration(value)


def test_sizes_are_bytes_in_either_system() -> None:
    """`MiB` is 2^20, `MB` is 10^6, capitals or not."""
    assert parse_size("512 MiB") == 512 * 2**20
    assert parse_size("64kB") == 64_000


@pytest.mark.parametrize("value", [512, "512", "512M", "9" * 400 + " B"])
def test_what_is_no_size_is_refused(value: object) -> None:
    """A number too long to be meant is no overflow but a mistake."""
    with pytest.raises(ValueError, match="a number and a unit"):
        parse_size(value)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (10, "10s"), (90, "1m30s"), (90061, "1d1h")]
)
def test_durations_are_shown_as_people_write_them(seconds: float, text: str) -> None:
    """Two units at the most."""
    assert show_duration(seconds) == text


def test_a_secret_shows_itself_only_when_asked() -> None:
    """Not in repr, str or a formatted text."""
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"


def test_a_secret_comes_from_a_file_a_credential_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the line end that an editor adds."""
    (tmp_path / "key").write_text("hunter2\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("THE_KEY", "hunter2")
    for form in ({"file": str(tmp_path / "key")}, {"credential": "key"}, {"env": "THE_KEY"}):
        assert Secret.parse(form) == Secret("hunter2")


def test_a_secret_that_is_not_there_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each form in a sentence; too much is as wrong as nothing."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    large = tmp_path / "large"
    large.write_bytes(b"x" * (SECRET_BYTES_MAX + 1))
    for form, reason in (
        ({"file": str(tmp_path / "none")}, "No such file"),
        ({"file": str(large)}, "too large"),
        ({"credential": "key"}, "no systemd credentials"),
        ({"env": "NO_SUCH_VARIABLE"}, "is not set"),
        (5, "a secret is text"),
    ):
        with pytest.raises(ValueError, match=reason):
            Secret.parse(form)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_260_000, "1.26 MB"),
        (999_600_000, "1000 MB"),
        (2e12, "2000 GB"),
    ],
)
def test_a_size_is_shown_as_a_person_would_write_it(size: float, text: str) -> None:
    """Three digits are enough."""
    assert show_size(size) == text
