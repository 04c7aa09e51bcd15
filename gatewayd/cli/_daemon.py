"""Finding the running daemon, for the verbs that ask it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.console.client import HELLO_S, Control, open_control, socket_paths
from gatewayd.errors import NoDaemon

if TYPE_CHECKING:
    from gatewayd.config.settings import Gateway


@contextmanager
def daemon(config: Path) -> Iterator[Control]:
    """Connect to the daemon that runs with this configuration.

    A configuration with mistakes names its state folder all the same. One that cannot be read,
    as by a user who may operate outputs and not see keys, leaves the usual places.

    Raises:
        NoDaemon: it does not run, or the configuration does not say where to look.
    """
    from gatewayd.config import salvage
    from gatewayd.config.parts import gateway_part

    settings, problems = salvage(config, part=gateway_part)
    with ExitStack() as stack:
        try:
            control = stack.enter_context(connect(settings.gateway if settings else None))
        except NoDaemon as error:
            if settings is not None:
                raise
            why = "; ".join(map(str, problems[:1]))
            sentence = f"{why}\ngatewayd: in the usual places {error}; say --config FILE"
            raise NoDaemon(sentence) from error
        yield control


@contextmanager
def connect(gateway: Gateway | None, hello_s: float = HELLO_S) -> Iterator[Control]:
    """Connect to the daemon of this gateway; None = whichever is in the usual places.

    Raises:
        NoDaemon: it does not run.
    """
    if gateway is not None:
        paths = socket_paths(gateway.state_dir, gateway.runtime_dir)
    else:
        from gatewayd.config.host import find_runtime_dir
        from gatewayd.config.settings import Gateway as Defaults

        paths = socket_paths(Defaults().state_dir, find_runtime_dir(os.environ))
    with open_control(gateway.state_dir if gateway else None, paths, hello_s) as control:
        yield control
