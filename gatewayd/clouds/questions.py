"""What a verb asks of the person at the terminal: lines, and secrets without echo.

Questions are asked in the event loop's own thread: nothing else runs while a person types.
"""

from __future__ import annotations

import getpass
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayd.errors import WrongUsage
from gatewayd.fields import Secret

SECRET_CHARACTERS_MAX = 4096
STDIN = "-"


def secret_from(file: str | None, prompt: str) -> Secret:
    """Return a secret from a file, from stdin (`-`), or asked for without echo.

    Raises:
        WrongUsage: there is none.
    """
    if file == STDIN:
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX)
        found = Secret(text.strip())
    elif file is not None:
        try:
            found = Secret.parse({"file": str(Path(file))})
        except ValueError as error:
            raise WrongUsage(str(error)) from error
    else:
        try:
            with _interruptible(), warnings.catch_warnings():
                # Without a terminal there is no echo that somebody could look at.
                warnings.simplefilter("ignore", getpass.GetPassWarning)
                found = Secret(getpass.getpass(prompt, sys.stderr))
        except EOFError:
            raise _missing(prompt) from None
    if not found.reveal():
        raise _missing(prompt)
    return found


def _missing(prompt: str) -> WrongUsage:
    what = prompt.rstrip(": ")
    return WrongUsage(
        f"{what} is missing; type it, or give the file that has it, - = stdin (--help)"
    )


def ask(prompt: str) -> str:
    """Return a line from stdin; the prompt goes to stderr, because stdout is for results."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    with _interruptible():
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX).strip()
    if not text:
        raise WrongUsage(f"{prompt.rstrip(': ')} is missing; type it, or say it with the verb")
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
