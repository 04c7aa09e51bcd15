"""A configuration written to a file, read back and asked what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayd.config import Problem, Settings, inspect

PLACE = '[gateway]\nid = "gw1"\nruntime_dir = "/dev/shm/gw"\n'


@dataclass(frozen=True, slots=True)
class Checked:
    """What `inspect` returned."""

    settings: Settings | None
    problems: list[Problem]

    @property
    def said(self) -> list[str]:
        """The problems as a person reads them, without the file."""
        return [str(problem).rpartition("config.toml:")[2] for problem in self.problems]

    @property
    def good(self) -> Settings:
        """The settings of a file without mistakes."""
        assert self.settings is not None, self.said
        return self.settings


Check = Callable[..., Checked]


def check_in(folder: Path) -> Check:
    """Return a function that checks a text; the file has a [gateway] at its end."""

    def check(text: str, environ: Mapping[str, str] | None = None) -> Checked:
        path = folder / "config.toml"
        path.write_text(f"{text}\n{PLACE}", encoding="utf-8")
        path.chmod(0o600)
        return Checked(*inspect(path, environ or {}))

    return check
