"""`gatewayd cloud`: clouds found, not listed; what verbs say, printed."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import pytest

from gatewayd.cli.cloud import as_json, clouds, say
from gatewayd.clouds.verbs import Spoken, duration
from gatewayd.fields import Secret


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    parts: tuple[str, ...] = ()


def test_clouds_with_verbs_are_found() -> None:
    """A new cloud is a new file."""
    assert "thingplus" in clouds()


def test_people_get_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Complaints go to stderr, and the exit code comes back."""
    assert say(Spoken(Thing("x"), ("one", "two"), ("wrong",), 1), as_document=False) == 1
    assert capsys.readouterr() == ("one\ntwo\n", "gatewayd: wrong\n")


def test_programs_get_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else on stdout."""
    say(Spoken([Thing("x", ("a",))], ("one",), ("wrong",), 1), as_document=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == [{"name": "x", "parts": ["a"]}]
    assert err == "gatewayd: wrong\n"


def test_a_secret_in_a_document_is_not_printed() -> None:
    """Not even by mistake."""
    assert "hush" not in as_json({"key": Secret("hush")})


def test_a_duration_needs_a_unit() -> None:
    """argparse tells the user why."""
    assert duration("1h") == 3600.0
    with pytest.raises(argparse.ArgumentTypeError, match="unit"):
        duration("10")
