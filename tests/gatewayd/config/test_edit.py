"""Changes to the configuration file that leave everything else as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError

TEXT = """\
# Boiler room, second floor.
[uplink.thingplus]      # the customer's own account
kind = "thingplus"
host = "mqtt.thingplus.net"   # do not change

[uplink.thingplus.sensors]
"boiler/temperature" = { id = "old", type = "temperature" } # above the stairs

[uplink.other]
kind = "x"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def test_comments_and_order_stay(file: Path) -> None:
    """Only the line that changed differs."""
    config = ConfigFile(file)
    config.set(("uplink", "thingplus", "sensors", "boiler/temperature"), {"id": "new"})
    config.save()
    old, new = TEXT.splitlines(), file.read_text().splitlines()
    assert [line for line in new if line not in old] == [
        '"boiler/temperature" = { id = "new", type = "temperature" } # above the stairs'
    ]
    assert len(new) == len(old)


def test_new_keys_find_their_section(file: Path) -> None:
    """Values and tables on one line, in the sections that are there or new ones."""
    config = ConfigFile(file)
    config.set(("uplink", "thingplus", "api_key"), {"file": "/x/key"})
    config.set(("uplink", "thingplus", "actuators", "pump/relay"), {"id": "r"})
    config.set(("gateway", "id"), "b827eb000001")
    config.save()
    found = tomllib.loads(file.read_text())
    assert found["gateway"] == {"id": "b827eb000001"}
    assert found["uplink"]["thingplus"]["api_key"] == {"file": "/x/key"}
    assert found["uplink"]["thingplus"]["actuators"] == {"pump/relay": {"id": "r"}}
    assert found["uplink"]["other"] == {"kind": "x"}
    assert "# do not change" in file.read_text()


def test_the_same_again_changes_nothing(file: Path) -> None:
    """What is there already is not written, and no backup is made."""
    config = ConfigFile(file)
    config.set(("uplink", "thingplus", "sensors", "boiler/temperature"), {"id": "old"})
    config.set(("uplink", "thingplus", "kind"), "thingplus")
    assert config.save() is None
    assert file.read_text() == TEXT
    assert list(file.parent.iterdir()) == [file]


def test_the_former_state_is_kept(file: Path) -> None:
    """Byte for byte, with the same mode: it may hold secrets."""
    config = ConfigFile(file)
    config.set(("uplink", "other", "kind"), "y")
    backup = config.save()
    assert backup is not None
    assert backup.read_text() == TEXT
    assert backup.stat().st_mode & 0o777 == file.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(file: Path) -> None:
    """What it leads to is replaced."""
    link = file.parent / "link.toml"
    link.symlink_to(file)
    config = ConfigFile(link)
    config.set(("uplink", "other", "kind"), "y")
    config.save()
    assert link.is_symlink()
    assert 'kind = "y"' in file.read_text()


def test_line_ends_and_mark_of_other_editors_stay(tmp_path: Path) -> None:
    """A file from a Windows editor goes back to it as it came."""
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[a]\r\nx = 1 # one\r\n")
    config = ConfigFile(path)
    config.set(("a", "x"), 2)
    config.save()
    assert path.read_bytes() == b"\xef\xbb\xbf[a]\r\nx = 2 # one\r\n"


def test_a_value_in_the_way_is_said_to_be_there(file: Path) -> None:
    """A key below a value has no place."""
    with pytest.raises(ConfigError, match="host is a value"):
        ConfigFile(file).set(("uplink", "thingplus", "host", "name"), "x")
    assert file.read_text() == TEXT


@pytest.mark.parametrize("content", [b"[a", b"\xff\xfe", b"a = 1\na = 2"])
def test_what_is_no_toml_is_not_edited(tmp_path: Path, content: bytes) -> None:
    """Nothing is guessed."""
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="TOML"):
        ConfigFile(path)
    assert path.read_bytes() == content


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ConfigError, match=r"none\.toml"):
        ConfigFile(tmp_path / "none.toml")


def test_scattered_sections_are_edited_or_left_alone(tmp_path: Path) -> None:
    """A table whose parts stand far apart is legal; no part of it gets lost."""
    path = tmp_path / "config.toml"
    text = "[uplink.a]\nx = 1\n[gateway]\nid = 'g'\n[uplink.b]\nx = 2\n[uplink.a.sensors]\n"
    path.write_text(text)
    config = ConfigFile(path)
    config.set(("uplink", "a", "sensors", "d/c"), {"id": "s"})
    config.set(("uplink", "b", "y"), 3)
    config.save()
    assert tomllib.loads(path.read_text()) == {
        "uplink": {"a": {"x": 1, "sensors": {"d/c": {"id": "s"}}}, "b": {"x": 2, "y": 3}},
        "gateway": {"id": "g"},
    }
