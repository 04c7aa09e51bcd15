"""`[console]`: tokens that can be guessed, certificates that cannot be used, what is unwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gatewayd.config.written import Check, check_in
from tests.mosquitto import make_certificates

SENSOR = '[device.a]\ndriver = "pi"\n'
TOKEN = "5f0c6e6b1d0e4a7f"
OPEN = f'{SENSOR}[console]\nlisten = "0.0.0.0:8090"\n'


def token(name: str, text: str = TOKEN, role: str = "read") -> str:
    return f'[console.tokens.{name}]\nrole = "{role}"\ntoken = "{text}"\n'


def console_said(check: Check, text: str) -> list[str]:
    """Return what is said, but for what this machine's memory is like."""
    return [each for each in check(text).said if "tmpfs" not in each]


def test_tokens_open_it_to_the_network_as_a_password_does(check: Check) -> None:
    """Each with its role; none of them is to be seen in the settings."""
    settings = check(OPEN + token("scada", role="operate")).good
    assert settings.console.tokens["scada"].role == "operate"
    assert TOKEN not in repr(settings)


def test_a_role_that_is_none_names_those_that_are(check: Check) -> None:
    """A token without one would have to be given some by us."""
    (said,) = [each for each in check(OPEN + token("a", role="admin")).said if "admin" in each]
    assert "read" in said
    assert "administer" in said


@pytest.mark.parametrize(
    "text", ["", "short", "ünïcodeünïcodeünïcode", "tab\\tinside-a-long-token"]
)
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(check: Check, text: str) -> None:
    """With the command that makes a good one."""
    said = check(OPEN + token("a", text)).said
    assert any("openssl rand -hex 16" in each for each in said)
    assert all(text not in each for each in said if text)


def test_a_token_belongs_to_one_name(check: Check) -> None:
    """Else nobody could say from the record who it was."""
    (said,) = [each for each in check(OPEN + token("a") + token("b")).said if "already" in each]
    assert "the token of b is a's already" in said
    assert TOKEN not in said


@pytest.mark.parametrize("name", ["password", '"a b"'])
def test_a_token_has_a_name_of_its_own(check: Check, name: str) -> None:
    """It stands in the record of commands; `password` is who typed the password."""
    assert check(OPEN + token(name)).settings is None


def test_a_token_in_a_file_that_everybody_reads_is_warned_of(tmp_path: Path, check: Check) -> None:
    """Like every other secret."""
    check(OPEN + token("a"))
    from gatewayd.config import inspect

    path = tmp_path / "config.toml"
    path.chmod(0o644)
    said = [str(each) for each in inspect(path, {})[1]]
    assert any("token stands in a file that everybody may read" in each for each in said)


def test_a_password_that_would_cross_the_network_in_the_clear_is_warned_of(check: Check) -> None:
    """Once; on the loopback nobody listens."""
    text = f'password = "x"\n{token("a")}'
    (said,) = [each for each in check(OPEN + text).said if "TLS" in each]
    assert "certificate_file" in said
    assert not [
        each for each in check(OPEN.replace("0.0.0.0", "127.0.0.1") + text).said if "TLS" in each
    ]


def test_with_a_certificate_there_is_nothing_to_warn_of(tmp_path: Path, check: Check) -> None:
    """Its key may stand in the same file or beside it."""
    made = make_certificates(tmp_path)
    files = f'certificate_file = "{made.certificate_file}"\nkey_file = "{made.key_file}"\n'
    found = check(f'{OPEN}password = "x"\n{files}')
    assert found.good.console.certificate_file == made.certificate_file
    assert not [each for each in found.said if "TLS" in each]


def test_a_certificate_that_cannot_be_used_is_a_mistake(tmp_path: Path) -> None:
    """Missing, no PEM, the key of another one, a key alone: a sentence each."""
    check, made = check_in(tmp_path), make_certificates(tmp_path)
    (tmp_path / "other").mkdir()
    other = make_certificates(tmp_path / "other")
    for files in (
        'certificate_file = "/nowhere.pem"',
        f'certificate_file = "{made.key_file}"',
        f'certificate_file = "{made.certificate_file}"\nkey_file = "{other.key_file}"',
        f'key_file = "{made.key_file}"',
    ):
        found = check(f'{OPEN}password = "x"\n{files}\n')
        assert found.settings is None, files
