"""`python -m tests`: format, lint, types, tests; what every commit must pass.

Arguments are handed to pytest: `python -m tests tests/gatewayd -x`.
"""

from __future__ import annotations

import subprocess
import sys
import time

CHECKS = (
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("lint", ("ruff", "check", "--quiet", ".")),
    ("types", ("mypy",)),
)

OTHERS = "not slow and not board and not page and not alone"
SIDE_BY_SIDE = ("-n", "3", "--dist", "worksteal", "-m", OTHERS)
"""Three at a time: many wait for a wire or a cloud."""

ALONE = ("-m", "alone and not slow")
"""Then those that measure how long something takes, with nothing beside them."""

ALL = (SIDE_BY_SIDE, ALONE)


def main() -> int:
    """Run the checks in turn, the tests last; the first that fails ends it."""
    for name, command in CHECKS:
        began_s = time.monotonic()
        print(f"==> {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", *command], check=False)
        if done.returncode:
            print(f"{name} failed", flush=True)
            return done.returncode
        print(f"    {time.monotonic() - began_s:.0f} s", flush=True)
    print("==> tests", flush=True)
    return max(_pytest(*tests) for tests in ([sys.argv[1:]] if sys.argv[1:] else ALL))


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
