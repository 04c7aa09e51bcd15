"""gatewayd: an edge gateway daemon. Readings out, commands in, nothing lost, outputs safe."""

__version__ = "0.1.0"
