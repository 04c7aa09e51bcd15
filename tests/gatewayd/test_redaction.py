"""Secrets are found by their values, and taken out in whatever form they turn up."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatewayd.fields import Secret
from gatewayd.redaction import (
    STARS,
    Redactor,
    secrets_in,
    secrets_kept,
    secrets_named,
    secrets_written,
)

KEY = 'made-up/key+of "tests"='


@dataclass(frozen=True)
class Inner:
    token: Secret
    name: str = "plain"


@dataclass(frozen=True)
class Outer:
    inner: dict[str, Inner]
    listed: tuple[Secret, ...]


def test_every_secret_of_settings_is_found_however_deep() -> None:
    """By its type; what is no secret is left alone."""
    settings = Outer({"a": Inner(Secret("one"))}, (Secret("two"),))
    assert set(secrets_in(settings)) == {"one", "two"}


def test_keys_that_sound_like_a_secret_are_believed() -> None:
    """Also in a file that nobody understands; a place where the secret is kept is none."""
    document = {
        "up": {"api_key": "k1", "password": {"file": "/etc/p"}, "tokens": ["t1", {"ann": "t2"}]}
    }
    assert set(secrets_named(document)) == {"k1", "t1", "t2"}
    text = 'api_key = "k1"\n# password = \'old one\'\nname = "x"\n[broken\nclient_secret="s"'
    assert set(secrets_written(text)) == {"k1", "old one", "s"}


def test_words_of_a_token_file_may_be_tokens() -> None:
    """Long ones; a number or a flag is not."""
    text = json.dumps({"token": "abcdefghijklmnop", "valid": True, "n": 17})
    assert list(secrets_kept(text)) == ["abcdefghijklmnop"]


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        json.dumps({"key": KEY}),
        quote(KEY, safe=""),
        base64.b64encode(KEY.encode()).decode(),
        KEY.encode().hex(),
    ],
)
def test_every_form_of_a_secret_is_taken_out(written: str) -> None:
    """As it is, in JSON, in an address, in base64, in hexadecimal."""
    redactor = Redactor([KEY])
    text = f"GET /x?key={written} 200"
    assert not redactor.is_clean(text)
    clean = redactor.redact(text)
    assert STARS in clean
    assert redactor.is_clean(clean)


def test_a_short_secret_is_taken_out_where_it_stands_alone() -> None:
    """`any` is a password and a part of words."""
    redactor = Redactor(["any"])
    assert redactor.redact('password = "any"  # many') == 'password = "***"  # many'


@given(st.lists(st.text(min_size=1, max_size=20), max_size=4), st.text(), st.text())
@example(["0:"], "0:", "0:")
def test_what_was_redacted_is_clean(secrets: list[str], before: str, after: str) -> None:
    """Whatever the secrets and the text around them."""
    redactor = Redactor(secrets)
    text = before + " ".join(secrets) + after
    assert redactor.is_clean(redactor.redact(text)) or any(s in STARS for s in secrets)
