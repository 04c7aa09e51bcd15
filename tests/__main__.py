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
    return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
