"""The section of an uplink as the verbs of its cloud get it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gatewayd.cli._uplink import uplink_of
from gatewayd.clouds.thinger.settings import Config
from gatewayd.clouds.thingsee.settings import Config as Other
from gatewayd.errors import ConfigError, WrongUsage

CONFIG = """\
[gateway]
id = "gw01"
state_dir = "{state}"

[uplink.mine]
kind = "thinger"
user = "alice"
"""


@pytest.fixture
def args(tmp_path: Path) -> argparse.Namespace:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(state=tmp_path))
    config.chmod(0o600)
    return argparse.Namespace(config=config, uplink=None)


def test_the_only_uplink_of_a_kind_need_not_be_named(args: argparse.Namespace) -> None:
    """Its section comes as its cloud's own type, without credentials as it still is."""
    found = uplink_of(args, "thinger", Config)
    assert (found.name, found.gateway_id, found.config.user) == ("mine", "gw01", "alice")


def test_a_section_of_another_type_is_refused(args: argparse.Namespace) -> None:
    """A kind may stand for somebody's own cloud, whose section the verbs do not understand."""
    with pytest.raises(ConfigError, match="uplink mine is not the built-in thinger"):
        uplink_of(args, "thinger", Other)


def test_a_name_that_no_uplink_has_is_said(args: argparse.Namespace) -> None:
    """With the kind that was looked for, and those that there are; the file is not to blame."""
    args.uplink = "yours"
    with pytest.raises(WrongUsage, match="kind thinger is called 'yours'; there are mine"):
        uplink_of(args, "thinger", Config)
