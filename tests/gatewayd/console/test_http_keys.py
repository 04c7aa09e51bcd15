"""The password and its sessions, with time that jumps."""

from __future__ import annotations

import asyncio
import base64

import pytest

from gatewayd.console.http_keys import (
    ADDRESSES_MAX,
    ALL_GUESSES_MAX,
    GUESSES_MAX,
    GUESSES_S,
    PASSWORD_BYTES_MAX,
    SESSION_S,
    Guesses,
    Keys,
    find_password,
    make_keys,
)
from gatewayd.fields import Secret
from gatewayd.testing.simulated import simulated

PASSWORD = "schnee und öl"
HERE, THERE = "10.0.0.1", "10.0.0.2"


async def new_keys() -> Keys:
    return await make_keys(Secret(PASSWORD))


@simulated
async def test_the_password_is_taken_and_nothing_else() -> None:
    """Also not what is longer, shorter or empty; the refusal does not say which."""
    keys = await new_keys()
    assert await keys.try_password(PASSWORD, HERE) is None
    for wrong in ("", PASSWORD[:-1], PASSWORD + "x"):
        refusal = await keys.try_password(wrong, HERE)
        assert refusal is not None
        assert refusal.sentence == "the password is wrong"


@simulated
async def test_a_password_beyond_all_measure_is_wrong_and_costs_no_more() -> None:
    """Even if it begins with the right one; only its first part is looked at."""
    keys = await make_keys(Secret("a" * (PASSWORD_BYTES_MAX + 1)))
    assert await keys.try_password("a" * 10**6, HERE) is not None


@simulated
async def test_the_keys_do_not_hold_the_password() -> None:
    """Neither in their fields nor in what is shown of them."""
    keys = await new_keys()
    await keys.try_password(PASSWORD, HERE)
    assert PASSWORD not in repr(keys)
    assert PASSWORD.encode() not in (keys.digest, keys.salt, keys.known, keys.seal_key)


@simulated
async def test_guessing_is_slowed_down_by_address() -> None:
    """After five wrong ones not even the right one is looked at; another address may try."""
    keys = await new_keys()
    for _ in range(GUESSES_MAX):
        await keys.try_password("wrong", HERE)
    refusal = await keys.try_password(PASSWORD, HERE)
    assert refusal is not None
    assert refusal.wait_s == GUESSES_S
    assert await keys.try_password(PASSWORD, THERE) is None


@simulated
async def test_after_the_wait_it_may_be_tried_again() -> None:
    """Nobody is locked out for good."""
    keys = await new_keys()
    for _ in range(GUESSES_MAX):
        await keys.try_password("wrong", HERE)
    await asyncio.sleep(GUESSES_S)
    assert await keys.try_password(PASSWORD, HERE) is None


@simulated
async def test_a_script_that_was_right_is_not_held_up_by_a_guesser() -> None:
    """It is known by its seal, without the slow check."""
    keys = await new_keys()
    assert await keys.try_password(PASSWORD, HERE) is None
    for _ in range(GUESSES_MAX):
        await keys.try_password("wrong", HERE)
    assert await keys.try_password(PASSWORD, HERE) is None


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


@simulated
async def test_a_session_holds_for_its_time() -> None:
    """And not a moment longer."""
    keys = await new_keys()
    session = keys.open_session()
    await asyncio.sleep(SESSION_S - 1)
    assert keys.holds(session)
    await asyncio.sleep(1)
    assert not keys.holds(session)


@simulated
async def test_a_session_cannot_be_made_or_prolonged() -> None:
    """Whatever is changed in it; one of another console is none here."""
    keys, other = await new_keys(), await new_keys()
    until, _, seal = keys.open_session().partition(".")
    forged = [
        "",
        ".",
        "x",
        until,
        f"{until}.",
        f"{int(until) + 1}.{seal}",
        f"nan.{seal}",
        f"{until}.é",
    ]
    assert not any(keys.holds(each) for each in forged)
    assert not keys.holds(other.open_session())


@simulated
async def test_logging_out_ends_every_session() -> None:
    """Also the one that was left open on the other screen."""
    keys = await new_keys()
    session = keys.open_session()
    keys.end_sessions()
    assert not keys.holds(session)


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
