from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gatewayd.cli import main

EIGHT = Path(__file__).parent.parent / "config" / "eight.toml"
EXAMPLE = Path(__file__).parent.parent.parent.parent / "config.example.toml"


def test_mistakes_are_listed_with_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each on stdout, the count last, exit code 78 so that systemd does not restart."""
    assert main(["check", "--config", str(EIGHT)]) == 78
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert lines[-1] == f"{EIGHT}: 8 errors, no warnings"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts: every fact of every problem by name."""
    assert main(["check", "--json", "--config", str(EIGHT)]) == 78
    document = json.loads(capsys.readouterr().out)
    assert (document["errors"], document["warnings"]) == (8, 0)
    assert document["problems"][0] == {
        "file": str(EIGHT),
        "line": 5,
        "column": 1,
        "found": 'unknown key "nmae"',
        "expected": 'expected "id", "name", "state_dir", "runtime_dir" or "allow"',
        "nearest": "name",
        "is_warning": False,
    }


def test_the_example_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Unchanged, on a machine with no hardware, no account and no secrets."""
    assert main(["check", "--config", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{EXAMPLE}: no errors")


def test_the_examples_names_pass_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables of names that are commented out there are right, and not lost on the way."""
    of_names = re.compile(r'^#(?=\[uplink\.\w+\.(sensors|actuators|calls)\]|"\w+/\w+" = \{)', re.M)
    text, count = of_names.subn("", EXAMPLE.read_text(encoding="utf-8"))
    assert count >= 15
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8")
    assert main(["check", "--config", str(config)]) == 0, capsys.readouterr().out
    config.write_text(text.replace("key = ", "kye = "), encoding="utf-8")
    assert main(["check", "--config", str(config)]) == 78
    assert "nearest: key" in capsys.readouterr().out


def test_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit code of a bad configuration."""
    assert main(["check", "--config", str(tmp_path / "none.toml")]) == 78
    assert "cannot be read: No such file or directory" in capsys.readouterr().out
