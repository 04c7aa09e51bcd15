"""Where a sandbox listens: what every cloud's `SandboxSettings` begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Ports and TLS of one sandbox.

    Attributes:
        port_offset: added to the usual ports.
        ports: None for the usual ports, 0 for any free ones (tests).
        tls: also listen with TLS; needs the extra `sandbox` (the package cryptography).
        state_dir: where the self-made certificates are kept; None = the user's cache folder.
    """

    port_offset: int = 0
    ports: int | None = None
    tls: bool = True
    state_dir: Path | None = None

    def port(self, usual: int) -> int:
        """Return the port to listen on instead of a usual one; 0 = any."""
        return usual + self.port_offset if self.ports is None else 0
