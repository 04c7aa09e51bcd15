"""The recorded messages of Thingsee, and what mutates them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

FOLDER = Path(__file__).parent.parent.parent / "frames" / "thingsee"


def frames(name: str) -> dict[str, Any]:
    """Return one file of frames."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    assert content["origin"] and content["date"]
    return content


def mutated(data: st.DataObject, frame: bytes) -> bytes:
    """Return a frame with some bytes changed, put in, or cut off."""
    broken = bytearray(frame)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(broken) - 1)))
        match data.draw(st.integers(0, 3)):
            case 0:
                broken[place : place + 1] = data.draw(st.binary(max_size=3))
            case 1:
                del broken[place:]
            case 2:
                broken[place:place] = broken[: data.draw(st.integers(0, 12))]
            case _:
                broken[place : place + 1] = data.draw(
                    st.sampled_from([b"{", b"[", b'"', b"9" * 30, b"1e400", b"null", b"\xff"])
                )
    return bytes(broken)
