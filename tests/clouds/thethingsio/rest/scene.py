"""The names in the sandbox of these tests; tokens and ids are of the vendor's lengths."""

from __future__ import annotations

TOKEN = "token-of-the-boiler-room-AAAAAAAAAAAAAAAAAA"  # Not a secret: of a sandbox.
ID = "id-of-the-boiler-room-BBBBBBBBBBBBBBBBBBBBB"
OTHER_TOKEN = "token-of-somebody-else-CCCCCCCCCCCCCCCCCCCC"
OTHER_ID = "id-of-somebody-else-DDDDDDDDDDDDDDDDDDDDDDD"
CODE = "activation-code-EEEEEEEEEEEEEEEEEE"
FIRMWARE = bytes(range(256)) * 300
"""Longer than one chunk of the sandbox."""
