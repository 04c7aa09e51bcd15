"""What a run tells: a line a slice, a table at its end, and the same for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.spent import All
from tests.fuzz.turns import Slice, Standing, spent_s

HEAD = ("fuzzer", "targets", "processor s", "inputs", "branches", "findings")


def beginning(standings: All, seconds: float, jobs: int) -> str:
    """Return what is said before the first slice."""
    targets = sum(len(those) for those in standings.values())
    had_s = sum(spent_s(those) for those in standings.values())
    return (
        f"{len(standings)} fuzzers ({', '.join(standings)}), {targets} targets, "
        f"{seconds:.0f} s of processor time each, {had_s:.0f} s of all spent before, {jobs} at once"
    )


def line(family: str, name: str, slice: Slice, standings: Mapping[str, Standing]) -> str:
    """Return what is said of a slice that ended."""
    standing = standings[name]
    found = f"+{standing.gained} = {slice.branches} branches"
    return (
        f"{family:8} {spent_s(standings):7.1f} s  "
        f"{'held ' if slice.has_held else 'BROKE'} {name}: {slice.spent_s:.1f} s, "
        f"{slice.inputs} inputs, {found if standing.gained else f'{slice.branches} branches'}"
    )


def row(family: str, standings: Mapping[str, Standing]) -> tuple[str, ...]:
    """Return a fuzzer's line of the table; targets that had no time are told."""
    those = standings.values()
    begun = sum(1 for each in those if each.slices)
    numbers = (sum(getattr(each, name) for each in those) for name in HEAD[3:])
    targets = f"{begun}" if begun == len(standings) else f"{begun} of {len(standings)}"
    return (family, targets, f"{spent_s(standings):.0f}", *(f"{each:,}" for each in numbers))


def table(standings: All) -> str:
    """Return what each fuzzer did, and all together."""
    rows = [HEAD, *(row(family, those) for family, those in standings.items())]
    rows.append(row("all", {k: v for those in standings.values() for k, v in those.items()}))
    widths = [max(len(each[at]) for each in rows) for at in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(each, widths, strict=True))
        )
        for each in rows
    )


def broken(standings: All) -> list[str]:
    """Return the targets that broke, each with how often."""
    return [
        f"{name}: {each.findings} findings"
        for those in standings.values()
        for name, each in those.items()
        if each.findings
    ]


def write_json(path: Path, standings: All) -> None:
    """Write the table and every target's line of it for machines."""
    told = {
        family: {
            "spent_s": round(spent_s(those), 1),
            "inputs": sum(each.inputs for each in those.values()),
            "branches": sum(each.branches for each in those.values()),
            "findings": sum(each.findings for each in those.values()),
            "targets": {name: asdict(each) for name, each in those.items()},
        }
        for family, those in standings.items()
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
