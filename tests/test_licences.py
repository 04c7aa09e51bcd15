"""No GPL in what we ship: every package that gatewayd needs to run, and what those need."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement

ALLOWED = re.compile(r"MIT|BSD|Apache|PSF|Python Software|ISC|MPL|Mozilla|LGPL|Lesser|EPL|Eclipse")
FORBIDDEN = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public|Affero")


def needed(name: str, extras: frozenset[str], found: dict[str, str]) -> dict[str, str]:
    """Add a package and all that it needs, with what each says of its licence."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return found
    about = package.metadata
    texts = [text for key in ("License-Expression", "License") for text in about.get_all(key) or ()]
    texts += [text for text in about.get_all("Classifier") or () if text.startswith("License")]
    found[name] = " ".join(texts)[:400]
    for line in package.requires or ():
        wanted = Requirement(line)
        environments = [{"extra": extra} for extra in (*extras, "")]
        if wanted.name in found or not (
            wanted.marker is None or any(wanted.marker.evaluate(each) for each in environments)
        ):
            continue
        needed(wanted.name, frozenset(wanted.extras), found)
    return found


@pytest.mark.parametrize("extras", [frozenset[str](), frozenset({"ble", "sandbox"})])
def test_nothing_that_we_need_is_gpl_or_unknown(extras: frozenset[str]) -> None:
    """The closure of the dependencies, as installed here."""
    found = needed("gatewayd", extras, {})
    assert len(found) > 15
    bad = {
        name: licence
        for name, licence in found.items()
        if not ALLOWED.search(licence)
        or FORBIDDEN.search(licence.replace("LGPL", "").replace("Lesser General Public", ""))
    }
    assert not bad
