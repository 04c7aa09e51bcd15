"""The password, the tokens and their sessions, with time that jumps."""

from __future__ import annotations

import ast
import asyncio
import base64
import re
from pathlib import Path

import pytest

from gatewayd.config.settings import Console, ConsoleToken
from gatewayd.console import http_keys
from gatewayd.console.http_keys import (
    ADDRESSES_MAX,
    ALL_GUESSES_MAX,
    GUESSES_MAX,
    GUESSES_S,
    PASSWORD_BYTES_MAX,
    SESSION_S,
    Guesses,
    Keys,
    Refusal,
    find_password,
    make_keys,
)
from gatewayd.console.roles import Caller, Role
from gatewayd.fields import Secret
from gatewayd.testing.simulated import simulated

PASSWORD = "schnee und öl"
HERE, THERE = "10.0.0.1", "10.0.0.2"


TOKEN = "5f0c6e6b1d0e4a7f"
CALLER = Caller("password", Role.ADMINISTER)


async def new_keys(password: str = PASSWORD, **tokens: str) -> Keys:
    entries = {
        name: ConsoleToken(role="read", token=Secret(token)) for name, token in tokens.items()
    }
    keys = await make_keys(Console(password=Secret(password), tokens=entries))
    assert keys is not None
    return keys


async def wrong(keys: Keys, key: str, address: str = HERE) -> Refusal:
    told = await keys.try_key(key, address)
    assert isinstance(told, Refusal)
    return told


@simulated
async def test_the_password_is_taken_and_nothing_else() -> None:
    """Also not what is longer, shorter or empty; the refusal does not say which."""
    keys = await new_keys()
    assert await keys.try_key(PASSWORD, HERE) == CALLER
    for key in ("", PASSWORD[:-1], PASSWORD + "x"):
        assert (await wrong(keys, key)).sentence == "the password is wrong"


@simulated
async def test_a_token_is_whose_it_is() -> None:
    """With its role; nothing that only begins like it is taken, and no hash of it."""
    keys = await new_keys(scada=TOKEN)
    assert await keys.try_key(TOKEN, HERE) == Caller("scada", Role.READ)
    for key in (TOKEN[:-1], TOKEN + "0", next(iter(keys.tokens)).hex()):
        assert await wrong(keys, key)


@simulated
async def test_a_console_without_password_has_tokens_alone() -> None:
    """And one without either asks nobody."""
    tokens = {"scada": ConsoleToken(role="operate", token=Secret(TOKEN))}
    keys = await make_keys(Console(tokens=tokens))
    assert keys is not None
    assert await keys.try_key(TOKEN, HERE) == Caller("scada", Role.OPERATE)
    assert (await wrong(keys, "")).sentence == "the token is wrong"
    assert await make_keys(Console()) is None


@simulated
async def test_the_password_has_the_role_that_the_owner_gives_it() -> None:
    """A screen in a hall is to look at."""
    keys = await make_keys(Console(password=Secret(PASSWORD), password_role="read"))
    assert keys is not None
    assert await keys.try_key(PASSWORD, HERE) == Caller("password", Role.READ)


@simulated
async def test_a_password_beyond_all_measure_is_wrong_and_costs_no_more() -> None:
    """Even if it begins with the right one; only its first part is looked at."""
    keys = await new_keys("a" * (PASSWORD_BYTES_MAX + 1))
    assert await wrong(keys, "a" * 10**6)


@simulated
async def test_the_keys_hold_hashes_alone() -> None:
    """Neither password nor token is in their fields or in what is shown of them."""
    keys = await new_keys(scada=TOKEN)
    await keys.try_key(PASSWORD, HERE)
    assert keys.password is not None
    assert PASSWORD not in repr(keys)
    assert TOKEN not in repr(keys)
    held = (keys.password.digest, keys.password.salt, keys.known, keys.seal_key, *keys.tokens)
    assert not {PASSWORD.encode(), TOKEN.encode()} & set(held)


@simulated
async def test_guessing_is_slowed_down_by_address() -> None:
    """After five wrong ones not even the right one is looked at; another address may try."""
    keys = await new_keys()
    for _ in range(GUESSES_MAX):
        await wrong(keys, "wrong")
    assert (await wrong(keys, PASSWORD)).wait_s == GUESSES_S
    assert await keys.try_key(PASSWORD, THERE) == CALLER


@simulated
async def test_guessing_tokens_is_slowed_down_too() -> None:
    """By the same count; a right token is let through, for nobody guesses one in five."""
    keys = await new_keys(scada=TOKEN)
    for n in range(GUESSES_MAX):
        await wrong(keys, f"{n:016}")
    assert (await wrong(keys, f"{0:016}")).wait_s == GUESSES_S
    assert await keys.try_key(TOKEN, HERE) == Caller("scada", Role.READ)


@simulated
async def test_after_the_wait_it_may_be_tried_again() -> None:
    """Nobody is locked out for good."""
    keys = await new_keys()
    for _ in range(GUESSES_MAX):
        await wrong(keys, "wrong")
    await asyncio.sleep(GUESSES_S)
    assert await keys.try_key(PASSWORD, HERE) == CALLER


@simulated
async def test_a_script_that_was_right_is_not_held_up_by_a_guesser() -> None:
    """It is known by its seal, without the slow check."""
    keys = await new_keys()
    assert await keys.try_key(PASSWORD, HERE) == CALLER
    for _ in range(GUESSES_MAX):
        await wrong(keys, "wrong")
    assert await keys.try_key(PASSWORD, HERE) == CALLER


def test_many_addresses_together_are_slowed_down_too() -> None:
    """And the memory for them has an end."""
    guesses = Guesses()
    for n in range(ALL_GUESSES_MAX):
        assert guesses.wait_s(f"10.0.0.{n}", 0.0) == 0.0
        guesses.note(f"10.0.0.{n}", 0.0)
    assert guesses.wait_s("10.0.1.1", 1.0) == GUESSES_S - 1.0
    for n in range(2 * ADDRESSES_MAX):
        guesses.note(f"10.1.0.{n}", 0.0)
    assert len(guesses._of) == ADDRESSES_MAX


def test_every_secret_is_compared_in_constant_time() -> None:
    """No `==` on what a stranger brings: how long an answer takes tells nothing of the secret.

    Read from the source, because timing itself cannot be measured reliably in a test.
    """
    tree = ast.parse(Path(http_keys.__file__).read_text())
    compared = {
        ast.unparse(side)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
    }
    assert not {each for each in compared if re.search("digest|seal|shown|given$|known|key", each)}


@simulated
async def test_a_session_holds_for_its_time() -> None:
    """And not a moment longer; it is the session of whoever opened it."""
    keys = await new_keys(scada=TOKEN)
    reader = await keys.try_key(TOKEN, HERE)
    assert isinstance(reader, Caller)
    session, other = keys.open_session(CALLER), keys.open_session(reader)
    await asyncio.sleep(SESSION_S - 1)
    assert keys.find_session(session) == CALLER
    assert keys.find_session(other) == reader
    await asyncio.sleep(1)
    assert keys.find_session(session) is None


@simulated
async def test_a_session_cannot_be_made_prolonged_or_raised() -> None:
    """Whatever is changed in it; one of another console is none here."""
    keys, other = await new_keys(scada=TOKEN), await new_keys()
    session = keys.open_session(Caller("scada", Role.READ))
    (name, until, seal) = session.split(":")
    forged = [
        *("", ":", "::", "x", until, f"{name}:{until}:"),
        f"{name}:{int(until) + 1}:{seal}",
        f"password:{until}:{seal}",
        f"{name}:nan:{seal}",
        f"{name}:{until}:é",
    ]
    assert keys.find_session(session) is not None
    assert not any(keys.find_session(each) for each in forged)
    assert keys.find_session(other.open_session(CALLER)) is None


@simulated
async def test_logging_out_ends_every_session() -> None:
    """Also the one that was left open on the other screen."""
    keys = await new_keys()
    session = keys.open_session(CALLER)
    keys.end_sessions()
    assert keys.find_session(session) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer a b", "a b"),
        ("bearer x", "x"),
        ("Basic " + base64.b64encode(b"me:p:w").decode(), "p:w"),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), None),
        ("Digest x", None),
        ("", None),
    ],
)
def test_scripts_bring_the_password_in_a_header(header: str, expected: str | None) -> None:
    """As a token, or as a password with any user; nonsense is no password."""
    assert find_password(header) == expected
