"""Tokens and their roles at a real socket, for every path that the console has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.app_calls import local_apps
from gatewayd.config.settings import Console, ConsoleToken
from gatewayd.console.http import make_app, open_console
from gatewayd.console.http_apps import make_apps
from gatewayd.console.http_events import Events
from gatewayd.console.http_guard import OPEN_PATHS
from gatewayd.console.http_keys import GUESSES_MAX
from gatewayd.console.roles import SAFE_METHODS, Role, find_rule
from gatewayd.fields import Secret
from gatewayd.status import surface_of
from tests.gatewayd.console.rooms import PASSWORD, Room, bearer, open_room

PUMP = "api/outputs/pump/relay"
TOKENS = {role: f"{role.name.lower()}-0123456789abcdef" for role in Role}


@asynccontextmanager
async def open_guarded(folder: Path, password: str | None = None) -> AsyncIterator[Room]:
    """Open a console with a token for each role, named after it."""
    tokens = {
        "reader": ConsoleToken(role="read", token=Secret(TOKENS[Role.READ])),
        "scada": ConsoleToken(role="operate", token=Secret(TOKENS[Role.OPERATE])),
        "boss": ConsoleToken(role="administer", token=Secret(TOKENS[Role.ADMINISTER])),
    }
    secret = Secret(password) if password else None
    console = Console(listen="127.0.0.1:0", password=secret, password_role="read", tokens=tokens)
    async with (
        open_room(folder) as room,
        open_console(
            console, surface_of(room.gateway), make_apps(local_apps(room.gateway))
        ) as room.address,
    ):
        yield room


def shown(role: Role) -> Mapping[str, str]:
    return bearer(TOKENS[role])


async def test_every_path_has_a_rule_of_its_own(tmp_path: Path) -> None:
    """None is left to the rule for what was forgotten."""
    async with open_room(tmp_path) as room:
        surface = surface_of(room.gateway)
        routes = list(make_app(surface, Events(surface), None, {}).router.routes())
    assert len(routes) > 15
    for route in routes:
        assert route.resource is not None
        path = route.resource.canonical.replace("{device}", "a").replace("{channel}", "b")
        assert path in OPEN_PATHS or find_rule(route.method, path), (route.method, path)


async def test_a_reader_looks_and_touches_nothing(tmp_path: Path) -> None:
    """403 with what it would take; the desk never hears of it."""
    async with open_guarded(tmp_path) as room:
        assert await room.get("api/status", headers=shown(Role.READ))
        told = await room.post(PUMP, {"value": True}, 403, headers=shown(Role.READ))
        assert told["error"] == "reader may read; this takes operate"
        assert not room.gateway.desk.history
        assert not room.plant.relays()["relay"]


async def test_only_who_administers_has_readings_sent_again(tmp_path: Path) -> None:
    """It is no output, and a cloud may be told things twice by it."""
    async with open_guarded(tmp_path) as room:
        for role in (Role.READ, Role.OPERATE):
            await room.post("api/ledger/retry", {}, 403, headers=shown(role))
        assert await room.post("api/ledger/retry", {}, headers=shown(Role.ADMINISTER)) == {}


@pytest.mark.parametrize(("role", "name"), [(Role.OPERATE, "scada"), (Role.ADMINISTER, "boss")])
async def test_who_operates_is_written_down_by_name(tmp_path: Path, role: Role, name: str) -> None:
    """The record of commands says whose token it was, not the token."""
    async with open_guarded(tmp_path) as room:
        await room.post(PUMP, {"value": True}, headers=shown(role))
        (record,) = room.gateway.desk.history
        assert record.command.origin == f"local:{name}"
        status = await room.get("api/status", headers=shown(role))
        assert status["commands"][-1]["origin"] == f"local:{name}"
        assert TOKENS[role] not in str(status)


async def test_an_operator_does_not_administer(tmp_path: Path) -> None:
    """A path that nobody has a rule for is refused before it is looked for."""
    async with open_guarded(tmp_path) as room:
        await room.post("api/anything", {}, 403, headers=shown(Role.OPERATE))
        await room.post("api/anything", {}, 404, headers=shown(Role.ADMINISTER))


async def test_the_password_has_its_own_role(tmp_path: Path) -> None:
    """As the owner says; the page is told which."""
    async with open_guarded(tmp_path, PASSWORD) as room:
        told = await room.post("api/login", {"password": PASSWORD})
        assert told == {"is_open": True, "role": "read"}
        assert (await room.get("api/login"))["role"] == "read"
        await room.post(PUMP, {"value": True}, 403)


async def test_a_token_opens_the_page_with_its_role(tmp_path: Path) -> None:
    """Typed where the password would be."""
    async with open_guarded(tmp_path) as room:
        await room.post("api/login", {"password": TOKENS[Role.OPERATE]})
        await room.post(PUMP, {"value": True})
        assert room.gateway.desk.history[-1].command.origin == "local:scada"


async def test_a_token_that_is_shown_counts_before_a_session(tmp_path: Path) -> None:
    """So that the record names whom the script meant, and no session lends it more."""
    async with open_guarded(tmp_path) as room:
        await room.post("api/login", {"password": TOKENS[Role.ADMINISTER]})
        await room.post(PUMP, {"value": True}, 403, headers=shown(Role.READ))
        await room.post(PUMP, {"value": True}, headers=shown(Role.OPERATE))
        assert room.gateway.desk.history[-1].command.origin == "local:scada"
        await room.get("api/status", 401, headers=bearer("wrong"))


async def test_what_a_proxy_in_front_asks_for_does_not_end_a_session(tmp_path: Path) -> None:
    """It hands on its own user and password, which are none of ours."""
    async with open_guarded(tmp_path) as room:
        await room.post("api/login", {"password": TOKENS[Role.OPERATE]})
        assert await room.get("api/status", headers={"Authorization": "Basic cHJveHk6aXRz"})


async def test_without_a_token_nothing_is_open(tmp_path: Path) -> None:
    """Nor with a wrong one; whoever guesses on is told to wait."""
    async with open_guarded(tmp_path) as room:
        assert await room.ask("api/status") == 401
        assert await room.ask("") == 303
        for _ in range(GUESSES_MAX):
            await room.get("api/status", 401, headers=bearer("guess"))
        await room.get("api/status", 429, headers=bearer("guess"))
        assert await room.get("api/status", headers=shown(Role.READ))


async def test_a_flood_of_guesses_writes_five_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has to wait is not written of again."""
    async with open_guarded(tmp_path) as room:
        capsys.readouterr()
        for _ in range(4 * GUESSES_MAX):
            await room.ask("api/status", **bearer("guess"))
    logged = "".join(capsys.readouterr())
    assert logged.count("console login refused") == GUESSES_MAX


def test_looking_changes_nothing() -> None:
    """The methods that a role to read is enough for."""
    assert {"GET", "HEAD", "OPTIONS"} == SAFE_METHODS
