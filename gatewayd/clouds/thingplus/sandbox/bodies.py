"""What Thing+ bodies hold besides the plain kinds of `gatewayd.sandbox.bodies`. Pure."""

from __future__ import annotations

from gatewayd.clouds.thingplus.codec import ID
from gatewayd.sandbox.bodies import Field, one_of

ID_LETTERS_MAX = 128


def _is_interval(value: object) -> bool:
    """Milliseconds from a minute to a week, as a number or text."""
    text = str(value)
    is_text = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    return is_text and text.isdecimal() and 60_000 <= int(text[:12]) <= 604_800_000


YES_NO = one_of("y", "n")
INTERVAL = Field("60000 to 604800000 ms", _is_interval)
IDENTIFIER = Field(
    "an id of letters, digits, - _ . ~",
    lambda value: (
        isinstance(value, str) and len(value) <= ID_LETTERS_MAX and ID.fullmatch(value) is not None
    ),
)
