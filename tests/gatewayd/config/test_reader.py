from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.config import inspect
from tests.gatewayd.config.written import Check

SENSOR = '[device.a]\ndriver = "pi"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('a = 1\n[device.boiler\ndriver = "x"', "2:15: not TOML: "),
        ("a = 1\na = 2\nb = c", "2:6: not TOML: "),
        ('a = 1\nb = """never', "2:13: not TOML: "),
        ("a = 1\nb =", "2:4: not TOML: "),
    ],
)
def test_a_half_written_file_has_one_problem(tmp_path: Path, text: str, problem: str) -> None:
    """The first error of syntax and nothing else: what follows would be guesswork."""
    path = tmp_path / "config.toml"
    path.write_text(text)
    settings, problems = inspect(path, {})
    (said,) = map(str, problems)
    assert settings is None
    assert said.startswith(f"{path}:{problem}")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Missing, a folder, not text: a sentence each."""
    path = tmp_path / "config.toml"
    assert "cannot be read: No such file" in str(inspect(path, {})[1][0])
    assert "cannot be read: Is a directory" in str(inspect(tmp_path, {})[1][0])
    path.write_bytes(b"a = 1\nb = '\xff'")
    assert "line 2 is not UTF-8" in str(inspect(path, {})[1][0])


def test_unknown_sections_and_keys_name_the_nearest(check: Check) -> None:
    """A misspelt section is not silently without effect."""
    said = check(SENSOR + '[consol]\nlisten = "x"\n[clock]\nunsynchronized = "mark"').said
    assert [line.rpartition("; ")[2] for line in said] == [
        "nearest: console",
        "nearest: unsynchronised",
    ]


@pytest.mark.parametrize(
    ("listen", "is_good"),
    [
        ("127.0.0.1:8090", True),
        ("localhost:0", True),
        ("[::1]:8090", True),
        ("0.0.0.0:8090", False),
        ("gateway.local:80", False),
        ("8090", False),
        ("127.0.0.1:99999", False),
    ],
)
def test_the_console_is_open_to_the_network_only_with_a_password(
    check: Check, listen: str, *, is_good: bool
) -> None:
    """On the loopback it needs none."""
    assert (check(f'{SENSOR}[console]\nlisten = "{listen}"').settings is not None) is is_good


def test_a_password_opens_it(check: Check) -> None:
    """The password itself is not to be seen in the settings."""
    settings = check(SENSOR + '[console]\nlisten = "0.0.0.0:1"\npassword = "hunter2"').good
    assert "hunter2" not in repr(settings)


def test_sizes_and_times_of_the_outbox_make_sense(check: Check) -> None:
    """Not too small, not zero; what was probably meant is named."""
    text = '[outbox]\nsize_max = "512M"\nage_max = "0d"\ncommit_interval = 2'
    assert [line.split("; ")[0] for line in check(SENSOR + text).said] == [
        '4:12: found "512M"',
        '5:11: found "0d"',
        "6:19: found 2",
    ]
    assert check(SENSOR + '[outbox]\nsize_max = "1 kB"').said == [
        '4:12: found "1 kB"; expected "1 MiB" or more'
    ]


def test_the_gateways_id_and_folders_are_checked(tmp_path: Path) -> None:
    """An id must fit into topics; a folder begins at the root."""
    path = tmp_path / "config.toml"
    path.write_text(f'[gateway]\nid = "a/b"\nstate_dir = "var"\nruntime_dir = "/dev/shm"\n{SENSOR}')
    assert [problem.found for problem in inspect(path, {})[1]] == ['found "a/b"', 'found "var"']


def test_a_cloud_may_do_nothing_unless_allowed(check: Check, tmp_path: Path) -> None:
    """Rights are named one by one."""
    path = tmp_path / "config.toml"
    path.write_text(f'[gateway]\nid = "x"\nallow = ["restart", "rebot"]\n{SENSOR}')
    (problem,) = [problem for problem in inspect(path, {})[1] if not problem.is_warning]
    assert (problem.line, problem.column, problem.nearest) == (3, 21, "reboot")
