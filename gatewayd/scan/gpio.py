"""Lines of the GPIO chips: their names, and who holds which.

What is wired to a line nobody can find out from here, so no TOML is offered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from gatewayd.errors import DeviceError
from gatewayd.ports.line_survey import survey
from gatewayd.scan import Found, View

WIRE = "gpio"


async def find(view: View) -> AsyncIterator[Found]:
    """Yield every chip with its free lines, and every line that somebody holds."""
    for path in sorted((view.root / "dev").glob("gpiochip*")):
        name = f"gpio:{path.name.removeprefix('gpiochip')}"
        view.tell(name)
        try:
            lines = await survey(path)
        except DeviceError as error:
            yield Found(WIRE, name, remark=str(error))
            continue
        free = [line.label for line in lines if not line.holder]
        yield Found(WIRE, name, remark=f"free: {', '.join(free) or 'none'}")
        for line in lines:
            if line.holder:
                yield Found(WIRE, f"{name} {line.label}", remark=f"held by {line.holder}")
