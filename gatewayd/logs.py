"""Logs to stderr: for a person on a terminal, as JSON lines for a journal or a file.

A disk that is full, a journal that died or a reader that sleeps stops and harms nothing: see
`printer`.
"""

from __future__ import annotations

import logging

import structlog

from gatewayd.printer import stderr


def configure_logs(level: str = "info") -> None:
    """Set up structlog once, for the whole process.

    Args:
        level: debug, info, warning or error.
    """
    printer = stderr()
    is_terminal = printer.is_terminal()
    times = structlog.processors.TimeStamper(
        "%H:%M:%S" if is_terminal else "iso", utc=not is_terminal
    )
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if is_terminal
        else [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, times, *render],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *names: printer,
        cache_logger_on_first_use=True,
    )
