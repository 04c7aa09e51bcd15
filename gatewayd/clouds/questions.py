"""What a verb asks of the person at the terminal: lines, and secrets without echo.

Questions are asked in the event loop's own thread: nothing else runs while a person types.
"""

from __future__ import annotations

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayd.errors import ConfigError
from gatewayd.fields import Secret

SECRET_CHARACTERS_MAX = 4096
STDIN = "-"


def secret_from(file: str | None, prompt: str) -> Secret:
    """Return a secret from a file, from stdin (`-`), or asked for without echo.

    Raises:
        ConfigError: there is none.
    """
    if file == STDIN:
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX)
        found = Secret(text.strip())
    elif file is not None:
        try:
            found = Secret.parse({"file": str(Path(file))})
        except ValueError as error:
            raise ConfigError(str(error)) from error
    else:
        try:
            with _interruptible():
                found = Secret(getpass.getpass(prompt, sys.stderr))
        except EOFError as error:
            raise ConfigError(f"{prompt.rstrip(': ')} is missing") from error
    if not found.reveal():
        raise ConfigError(f"{prompt.rstrip(': ')} is missing")
    return found


def ask(prompt: str) -> str:
    """Return a line from stdin; the prompt goes to stderr, because stdout is for results."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    with _interruptible():
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX).strip()
    if not text:
        raise ConfigError(f"{prompt.rstrip(': ')} is missing")
    return text


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question at once; asyncio would only note it and go on reading."""
    noted = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, noted)


def tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
