"""Picks kernel modules out of an unpacked kernel package: those wanted, and what they need."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERYWHERE = ("modules.builtin", "modules.builtin.modinfo", "modules.order")


@dataclass(frozen=True, slots=True)
class Tree:
    """/lib/modules/VERSION of a kernel, after `depmod`.

    Attributes:
        paths: each module's file within the tree, by name.
        needs: what must be loaded before, and what it asks for softly.
        builtin: what the kernel has without a file.
    """

    folder: Path
    paths: dict[str, str]
    needs: dict[str, list[str]]
    builtin: frozenset[str]

    @classmethod
    def of(cls, folder: Path) -> Tree:
        """Read what depmod found out."""
        paths, needs = {}, {}
        for line in (folder / "modules.dep").read_text().splitlines():
            path, _, before = line.partition(":")
            paths[_name(path)] = path
            needs[_name(path)] = [_name(each) for each in reversed(before.split())]
        for line in (folder / "modules.softdep").read_text().splitlines():
            if match := re.match(r"softdep (\S+) (.*)", line):
                soft = (each for each in match[2].split() if not each.endswith(":"))
                needs.setdefault(_name(match[1]), []).extend(
                    _name(each) for each in soft if _name(each) in paths
                )
        builtin = (folder / "modules.builtin").read_text().split()
        return cls(folder, paths, needs, frozenset(_name(each) for each in builtin))

    def closure(self, wanted: Sequence[str]) -> list[str]:
        """Return the files of these modules and of all that they need, in an order to load them.

        Raises:
            KeyError: this kernel does not have one.
        """
        order: dict[str, str] = {}
        begun: set[str] = set()

        def add(name: str) -> None:
            if name in begun or name in self.builtin:
                return
            begun.add(name)
            path = self.paths[name]
            for each in self.needs.get(name, ()):
                add(each)
            order[name] = path

        for name in wanted:
            add(_name(name))
        return list(order.values())

    def copy(self, wanted: Sequence[str], target: Path) -> list[Path]:
        """Copy the closure into another tree and return the copies in their order."""
        copies = []
        for path in self.closure(wanted):
            copy = target / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copies.append(Path(shutil.copyfile(self.folder / path, copy)))
        for name in EVERYWHERE:
            shutil.copyfile(self.folder / name, target / name)
        return copies


def _name(path: str) -> str:
    return re.sub(r"\.ko(\.\w+)?$", "", Path(path).name).replace("-", "_")
