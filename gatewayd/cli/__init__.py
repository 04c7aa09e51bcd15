"""The command line: one file a verb, found by its name, imported only when it is asked for.

A verb is `gatewayd/cli/<verb>.py`. It has

    HELP                        one line for the list of verbs, a plain text literal
    add_parser(subparsers)      adds its parser: name, help=HELP, epilog with an example,
                                set_defaults(run=run); `--config` is added here for everybody
    run(args) -> int            does it and returns the exit code

A verb raises `GatewayError` for what the user must hear; it becomes a sentence on stderr and an
exit code here, once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd import __version__
from gatewayd.errors import (
    ConfigError,
    GatewayError,
    LinkLost,
    NoDaemon,
    Throttled,
    WrongUsage,
)
from gatewayd.printer import tell

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

CONFIG = "/etc/gatewayd/config.toml"

DONE = 0
FAILED = 1
WRONG_USAGE = 2
NO_DAEMON = 69
TRY_AGAIN = 75
BAD_CONFIG = 78
INTERRUPTED = 130
PIPE_CLOSED = 141
"""What a shell reports of a program that SIGPIPE ended."""

EPILOG = """\
example:
  gatewayd check --config config.example.toml
  gatewayd demo --seconds 60

exit codes: 0 done, 1 failed, 2 wrong usage, 69 no daemon running, 75 try again,
78 bad configuration
"""


class _Parser(argparse.ArgumentParser):
    """An argparse parser that leaves the lines of examples alone and knows no abbreviations."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        settings.setdefault("allow_abbrev", False)
        super().__init__(**settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code of the process."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser_for(arguments).parse_args(arguments)
        code = int(args.run(args))
        sys.stdout.flush()
    except SystemExit as end:  # argparse has printed its help or its complaint.
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    except GatewayError as error:
        tell(f"gatewayd: {error}")  # Where nobody can read it, the exit code still says it.
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has left. What is still buffered must go somewhere, or the
        # interpreter complains about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    return code


def exit_code(error: GatewayError) -> int:
    """Return the exit code that tells a script, or systemd, whose turn it is to act."""
    match error:
        case ConfigError():
            return BAD_CONFIG
        case WrongUsage():
            return WRONG_USAGE
        case NoDaemon():
            return NO_DAEMON
        case LinkLost() | Throttled():
            return TRY_AGAIN
        case _:
            return FAILED


def verbs() -> dict[str, Path]:
    """Return every verb with its file, in the order of the alphabet."""
    files = Path(__file__).parent.glob("*.py")
    return {file.stem: file for file in sorted(files) if not file.stem.startswith("_")}


def _parser_for(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows the verb asked for, or all of them by name if none is."""
    parser = _Parser(
        prog="gatewayd",
        description="An edge gateway: readings out, commands in, nothing lost, outputs safe.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"gatewayd {__version__}")
    _add_config(parser, os.environ.get("GATEWAYD_CONFIG", CONFIG))
    subparsers = parser.add_subparsers(
        dest="verb", metavar="VERB", required=True, title="verbs", parser_class=_Parser
    )
    asked, known = _verb_in(arguments), verbs()
    if asked in known:
        importlib.import_module(f"gatewayd.cli.{asked}").add_parser(subparsers)
        _add_config(subparsers.choices[asked], argparse.SUPPRESS)
    else:
        for verb, file in known.items():
            subparsers.add_parser(verb, help=_help_of(file))
    return parser


def _add_config(parser: argparse.ArgumentParser, default: str) -> None:
    # A verb's parser has no default of its own: it would hide what stands before the verb.
    parser.add_argument(
        "--config",
        metavar="PATH",
        type=Path,
        default=default if default is argparse.SUPPRESS else Path(default),
        help=f"the configuration file (default: $GATEWAYD_CONFIG or {CONFIG})",
    )


def _verb_in(arguments: Sequence[str]) -> str | None:
    """Return the first argument that is neither an option nor the value of `--config`."""
    is_value = False
    for argument in arguments:
        if not is_value and not argument.startswith("-"):
            return argument
        is_value = argument == "--config"
    return None


def _help_of(file: Path) -> str:
    """Return a verb's HELP line without importing it."""
    import ast

    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if "HELP" in names:
                return str(node.value.value)
    return (ast.get_docstring(tree) or "").partition("\n")[0]
