"""A run tells what it did: for people, and for machines."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzz.telling import broken, line, table, write_json
from tests.fuzz.turns import Slice, Standing

STANDINGS = {
    "doors": {
        "broker": Standing(1800.4, 1_234_567, 209, 2, 60),
        "console raw": Standing(1800.0, 90_000, 470, 0, 61, 1, True),
    },
    "files": {"recording": Standing(3600.0, 44, 16, 0, 120), "slab": Standing()},
}


def test_the_table_has_a_line_a_fuzzer_and_their_sum() -> None:
    """Targets that had no time are told."""
    head, *rows = [each.split() for each in table(STANDINGS).splitlines()]
    assert head == ["fuzzer", "targets", "processor", "s", "inputs", "branches", "findings"]
    assert rows == [
        ["doors", "2", "3600", "1,324,567", "679", "1"],
        ["files", "1", "of", "2", "3600", "44", "16", "0"],
        ["all", "3", "of", "4", "7200", "1,324,611", "695", "1"],
    ]
    assert broken(STANDINGS) == ["console raw: 1 findings"]


def test_a_slice_is_one_line() -> None:
    """Whose, what became of it, and what was new."""
    told = line("doors", "broker", Slice(30.1, 5000, 209, 4, True), STANDINGS["doors"])
    assert told.split("held  ")[1] == "broker: 30.1 s, 5000 inputs, +2 = 209 branches"
    told = line("doors", "console raw", Slice(1.0, 50, 470, 0, False), STANDINGS["doors"])
    assert "BROKE console raw" in told


def test_machines_are_told_every_target(tmp_path: Path) -> None:
    """As numbers."""
    write_json(tmp_path / "table.json", STANDINGS)
    told = json.loads((tmp_path / "table.json").read_text())
    assert told["doors"]["spent_s"] == 3600.4
    assert told["doors"]["targets"]["console raw"]["findings"] == 1
