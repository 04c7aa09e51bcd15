"""The verb `sandbox` as a process of its own."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import signal
import socket
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gatewayd.cli import FAILED, WRONG_USAGE, main
from gatewayd.cli.sandbox import known_clouds, show_places

START_S = 15.0


def free_offset() -> int:
    """Return an offset with which the REST and MQTT ports are free now."""
    for offset in random.sample(range(5_000, 15_000), 1000):
        try:
            for usual in (11883, 13000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", usual + offset))
        except OSError:
            continue
        return offset
    raise AssertionError("no ports are free")


@asynccontextmanager
async def sandbox(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the verb and end it."""
    command = (sys.executable, "-m", "gatewayd", "sandbox", *options)
    environment = os.environ | {"XDG_CACHE_HOME": str(folder)}
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """One JSON document says where; the control plane answers there; exit code 0."""
    offset = free_offset()
    options = ("--clouds", "thingplus", "--port-offset", str(offset), "--no-tls", "--json")
    async with sandbox(tmp_path, *options) as child:
        assert child.stdout is not None
        async with asyncio.timeout(START_S):
            (place,) = json.loads(await child.stdout.readline())["clouds"]
            assert place["mqtt"] == 11883 + offset
            assert f"port = {11883 + offset}" in place["hint"][0]
            reader, writer = await asyncio.open_connection("127.0.0.1", 13000 + offset)
            writer.write(b"GET /_sandbox/stats HTTP/1.0\r\n\r\n")
            assert b'"points_accepted":0' in await reader.read()
            writer.close()
            child.send_signal(number)
            assert await child.wait() == 0


def test_an_unknown_cloud_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names of those there are."""
    assert main(["sandbox", "--clouds", "nimbus"]) == WRONG_USAGE
    assert "thingplus" in capsys.readouterr().err


def test_an_offset_beyond_the_ports_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """65535 is the last."""
    assert main(["sandbox", "--port-offset", "60000"]) == WRONG_USAGE
    assert "--port-offset" in capsys.readouterr().err


def test_a_taken_port_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a traceback."""
    with socket.socket() as taken:
        offset = free_offset()
        taken.bind(("127.0.0.1", 11883 + offset))
        taken.listen()
        options = ["--clouds", "thingplus", "--port-offset", str(offset), "--no-tls"]
        assert main(["sandbox", *options]) == FAILED
    assert "--port-offset" in capsys.readouterr().err


@pytest.mark.parametrize("cloud", known_clouds())
async def test_a_newcomer_is_told_how_to_get_in(cloud: str, tmp_path: Path) -> None:
    """Each cloud's first line is TOML that its uplink takes; a few lines, each fit to be read."""
    module = importlib.import_module(f"gatewayd.clouds.{cloud}.sandbox")
    settings = module.SandboxSettings(state_dir=tmp_path, ports=0, tls=False)
    async with module.open_sandbox(settings) as sandbox:
        place = sandbox.describe()
        hint = importlib.import_module(f"gatewayd.clouds.{cloud}.sandbox.hint").hint(place)
    keys = tomllib.loads("keys = {" + hint[0].partition(": ")[2] + "}")["keys"]
    link = importlib.import_module(f"gatewayd.clouds.{cloud}.link")
    assert set(keys) <= {each.name for each in fields(link.Config)}
    assert str(urlsplit(place["rest"]).port) in keys["rest_url"]
    assert 2 <= len(hint) <= 5
    said = show_places([{**place, "hint": hint}])
    assert all(f"  > {line}\n" in said for line in hint)
    assert "register again after a restart" in said
    assert any("sandbox" in line for line in hint)
