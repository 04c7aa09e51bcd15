"""The dispatcher: verbs found by name, errors as sentences and exit codes."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from gatewayd import cli
from gatewayd.errors import (
    ConfigError,
    DeviceAbsent,
    GatewayError,
    LinkLost,
    NoDaemon,
    WrongUsage,
)

VERBS = sorted(cli.verbs())


def install(monkeypatch: pytest.MonkeyPatch, run: Callable[[argparse.Namespace], int]) -> None:
    """Put a verb in the place of `check`."""
    module: Any = ModuleType("gatewayd.cli.check")
    module.add_parser = lambda subparsers: subparsers.add_parser("check").set_defaults(run=run)
    monkeypatch.setitem(sys.modules, "gatewayd.cli.check", module)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` shows how the verb is typed, and where the configuration is."""
    assert cli.main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"example.*gatewayd.* {verb}\b", text, re.DOTALL)
    assert "--config" in text


def test_the_list_of_verbs_imports_none_of_them() -> None:
    """`gatewayd --help` is quick: the HELP lines are read, not imported."""
    code = (
        "import sys; from gatewayd import cli; cli.main(['--help']);"
        "sys.exit(any(m.startswith('gatewayd.cli.') for m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(f"    {verb}" in done.stdout for verb in VERBS)


def test_an_unknown_verb_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the verbs that there are."""
    assert cli.main(["chek"]) == 2
    assert "'check'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 78),
        (WrongUsage("x"), 2),
        (NoDaemon("x"), 69),
        (LinkLost("x"), 75),
        (DeviceAbsent("x"), 1),
        (GatewayError("x"), 1),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    error: GatewayError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody sees a traceback; a script sees whose turn it is."""

    def run(args: argparse.Namespace) -> int:
        raise error

    install(monkeypatch, run)
    assert cli.main(["check"]) == code
    assert capsys.readouterr().err == "gatewayd: x\n"


def test_an_interrupt_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is 130, as for every program."""

    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    install(monkeypatch, run)
    assert cli.main(["check"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        ([], "/env.toml"),
        (["--config", "/before.toml"], "/before.toml"),
        (["check", "--config", "/after.toml"], "/after.toml"),
        (["--config=/a.toml", "check", "--config", "/b.toml"], "/b.toml"),
    ],
)
def test_the_configuration_is_named_before_or_after_the_verb(
    argv: list[str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line goes before the environment, the environment before the default."""
    seen: list[str] = []
    monkeypatch.setenv("GATEWAYD_CONFIG", "/env.toml")

    def run(args: argparse.Namespace) -> int:
        seen.append(str(args.config))
        return 0

    install(monkeypatch, run)
    assert cli.main(argv if "check" in argv else [*argv, "check"]) == 0
    assert seen == [path]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """`gatewayd schema | head -1` prints one line and no traceback."""
    done = subprocess.run(
        f"{sys.executable} -m gatewayd schema | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")
