"""Values of devices as JSON has them, and back. Pure.

Bytes become base64 text, an unset value and numbers that are none become null.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping

from gatewayd.clouds.thinger.pson import UNSET, Pson


def as_json(value: Pson) -> object:
    """Return a value that JSON can say."""
    if value is None or value is UNSET:
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value
