"""What goes wrong with the device socket until it is put right."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class SocketFaults:
    """Counts are of messages; -1 means for ever.

    Attributes:
        login: "" = as it should be, `refuse`, `silent` (never answered) or `close`.
        swallow_keep_alives: they are not echoed.
        hang: nothing is read from any connection.
        withhold: device calls to ignore: neither carried out nor answered.
        lose_ack, error_ack: device calls to carry out and not answer, or to answer with an error
            without carrying them out.
        ack_delay_s: answer every device call so much later.
        lose_request, delay_request_s: of what the server asks of a device.
        split: write frames byte by byte.
    """

    login: str = ""
    swallow_keep_alives: bool = False
    hang: bool = False
    withhold: int = 0
    lose_ack: int = 0
    error_ack: int = 0
    ack_delay_s: float = 0.0
    lose_request: int = 0
    delay_request_s: float = 0.0
    split: bool = False

    def is_due(self, fault: str) -> bool:
        """Return whether a counted fault strikes now, and count it down."""
        left: int = getattr(self, fault)
        if left > 0:
            setattr(self, fault, left - 1)
        return left != 0

    def clear(self) -> None:
        """Put everything right again."""
        for field in fields(self):
            setattr(self, field.name, field.default)
