"""The lines that a scan offers, and adding them to a file that somebody wrote by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gatewayd.config import inspect
from gatewayd.driver import Evidence
from gatewayd.errors import ConfigError
from gatewayd.scan import Found, Guess, ranked
from gatewayd.scan.toml import append, section_of, sections_of

MINE = """\
# My boiler room.
[gateway]
id = "b827eb000001"   # painted on the box

[device.bme280]       # the old one
driver = "sim"
"""


def chip(address: int = 0x76, driver: str = "bme280", *, is_proof: bool = True) -> Found:
    evidence = Evidence("register 0xD0 says 0x60", is_proof, {"chip": "bme280"})
    guess = Guess(driver, evidence, {"port": "i2c:1", "address": address})
    return Found("i2c", f"i2c:1 {address:#04x}", (guess,))


def test_a_section_is_what_a_person_would_write() -> None:
    """With the reason above it, and the address as data sheets have it."""
    assert section_of("boiler", chip()) == (
        "# i2c:1 0x76: register 0xD0 says 0x60\n"
        "[device.boiler]\n"
        'driver = "bme280"\n'
        'port = "i2c:1"\n'
        "address = 0x76\n"
        'chip = "bme280"\n'
    )


def test_what_it_may_be_besides_is_a_comment() -> None:
    """One of several that look the same from here."""
    first, second = chip(driver="lm75").guesses[0], chip(driver="tmp102").guesses[0]
    text = section_of("x", Found("i2c", "i2c:1 0x48", (first, second)))
    assert "# or tmp102: " in text and tomllib.loads(text)["device"]["x"]["driver"] == "lm75"


def test_names_are_free_and_what_is_known_already_is_left_out() -> None:
    """Two of a kind, one name that is taken, one thing in use, one that nobody knows."""
    used = Found("i2c", "i2c:1 0x10", remark="is boiler already")
    found = [chip(0x76), chip(0x77), used, Found("i2c", "i2c:1 0x50")]
    assert list(sections_of(found, ["bme280"])) == ["bme280-2", "bme280-3"]


def test_proofs_go_before_hints() -> None:
    """An address alone is no reason beside a register that says so."""
    proof, hint = chip().guesses[0], chip(is_proof=False).guesses[0]
    assert ranked([hint, proof]) == (proof,) and ranked([hint]) == (hint,)


def test_adding_keeps_every_byte_that_was_there(tmp_path: Path) -> None:
    """Comments and order are the owner's; the former file stays beside it."""
    file = tmp_path / "config.toml"
    file.write_text(MINE)
    sections = sections_of([chip()], ["bme280"])
    backup = append(file, [text for _, text in sections.values()])
    text = file.read_text()
    assert text.startswith(MINE) and backup.read_text() == MINE
    settings, problems = inspect(file, {})
    assert settings is not None, problems
    assert settings.devices["bme280-2"].driver.kind == "bme280"


def test_a_file_with_mistakes_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written into what is no TOML."""
    file = tmp_path / "config.toml"
    file.write_text("[device\n")
    with pytest.raises(ConfigError, match="is no TOML"):
        append(file, [section_of("x", chip())])
    assert file.read_text() == "[device\n"


def test_a_table_in_line_cannot_be_added_to(tmp_path: Path) -> None:
    """`device = {…}` is closed; who wrote it so must add by hand."""
    file = tmp_path / "config.toml"
    file.write_text('device = { a = { driver = "sim" } }\n')
    with pytest.raises(ConfigError, match="by hand"):
        append(file, [section_of("x", chip())])
