"""Tokens: how long they live, how they are kept, and what is sent to get one."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import orjson
import pytest

from gatewayd.clouds.key_ring import RING_BYTES_MAX
from gatewayd.clouds.thingplus.tokens import (
    SCOPE_RESOURCES,
    CodeGrant,
    PasswordGrant,
    Scope,
    Token,
    TokenFile,
    authorize_path,
)
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from gatewayd.small_files import write_private

URL = "https://api.thingplus.net"


def jwt(claims: object) -> Token:
    payload = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
    return Token(Secret(f"e30.{payload}.sig"))


def test_a_token_knows_its_end() -> None:
    """`exp` counts in seconds; a minute before it the token is renewed."""
    token = jwt({"userId": "1", "exp": 2_000})
    assert token.expires_ms == 2_000_000
    assert not token.is_expired(1_900_000)
    assert token.is_expired(1_940_000)


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.!!.c", "e30.W10.x", "e30.bnVsbA.x"])
def test_a_token_that_says_nothing_is_used_until_it_is_refused(text: str) -> None:
    """No expiry is read out of what is not a JWT with one."""
    assert Token(Secret(text)).expires_ms is None
    assert not Token(Secret(text)).is_expired(2**60)


def test_a_token_stands_in_its_header_as_bearer() -> None:
    """`Bearer {access token}`, as the vendor's page writes it."""
    assert Token(Secret("abc")).authorization == "Bearer abc"


def test_a_password_travels_as_its_digest() -> None:
    """Lower-case hex MD5, the cloud's choice."""
    form = PasswordGrant("app", Secret("s"), "me", Secret("geheim")).form()
    assert form == {
        "grant_type": "password",
        "client_id": "app",
        "client_secret": "s",
        "username": "me",
        "password": hashlib.md5(b"geheim").hexdigest(),
    }


def test_a_code_travels_with_its_address() -> None:
    """The body of the authorization code grant."""
    assert CodeGrant("app", Secret("s"), Secret("c"), "http://x/cb").form() == {
        "grant_type": "authorization_code",
        "client_id": "app",
        "client_secret": "s",
        "code": "c",
        "redirect_uri": "http://x/cb",
    }


def test_a_user_is_sent_where_the_code_is_given() -> None:
    """The address is encoded into the query."""
    assert authorize_path("app", "http://x/cb?a=1") == (
        "/oauth2/authorize?client_id=app&response_type=code&redirect_uri=http%3A%2F%2Fx%2Fcb%3Fa%3D1"
    )


def test_a_token_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600, in a folder made for it, and nothing else left beside it."""
    file = TokenFile(tmp_path / "new" / "token.json", URL)
    file.write(Token(Secret("first")))
    file.write(Token(Secret("abc")))
    assert file.read() == Token(Secret("abc"))
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_token_is_not_shown_to_another_server(tmp_path: Path) -> None:
    """The file belongs to one base address; a slash at its end makes no difference."""
    TokenFile(tmp_path / "t", URL).write(Token(Secret("abc")))
    assert TokenFile(tmp_path / "t", "https://elsewhere").read() is None
    assert TokenFile(tmp_path / "t", URL + "/").read() is not None


def test_no_file_is_no_token(tmp_path: Path) -> None:
    """Before the first login there is none, and forgetting says so."""
    file = TokenFile(tmp_path / "t", URL)
    assert file.read() is None
    assert file.forget() is False
    file.write(Token(Secret("abc")))
    assert file.forget() is True
    assert file.read() is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"x" * (RING_BYTES_MAX + 5)])
def test_a_spoilt_file_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    """Its name is in the sentence, its content is not."""
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ConfigError, match="holds no token"):
        TokenFile(tmp_path / "t", URL).read()


def test_a_folder_that_cannot_be_written_is_said_to_be_one(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        write_private(tmp_path / "state" / "t", b"")


def test_secrets_are_not_in_a_repr() -> None:
    """Tokens and grants can stand in a log without harm."""
    grant = PasswordGrant("app", Secret("hush"), "me", Secret("hush"))
    code = CodeGrant("app", Secret("hush"), Secret("hush"), "x")
    assert "hush" not in f"{grant} {code} {Token(Secret('hush'))}"


def test_every_scope_of_the_vendor_opens_its_resources() -> None:
    """The vendor's table of scopes, and the two that came later."""
    assert set(SCOPE_RESOURCES) == set(Scope)
    assert {scope.value: set(found) for scope, found in SCOPE_RESOURCES.items()} == {
        "user-profile": {"users/me", "changePassword"},
        "user-profile-read": {"users/me"},
        "gateway": {
            "gateways",
            "registerGateway",
            "registerGatewayKey",
            "manageGateway",
            "controlActuator",
            "sensorTypes",
            "sensorDrivers",
            "gatewayModels",
        },
        "gateway-read": {"gateways", "controlActuator"},
        "gateway-update": {"gateways", "manageGateway", "controlActuator"},
        "gateway-management": {"manageGateway"},
        "actuator-command": {"controlActuator"},
        "timeline-read": {"timelines"},
        "tag": {"tags"},
        "tag-read": {"tags"},
        "rule": {"rules", "pushDevices"},
        "rule-read": {"rules"},
        "service-read": {"services"},
        "site-read": {"sites"},
        "billing-read": {"billings"},
    }
