"""Taking secrets out of texts, and proving that none is left; pure.

Strategy: what is secret is known by its value, wherever it turns up: in the configuration, in a
log line, in an address. So the secrets are collected first (from the settings, from keys that sound
like one, from the small files in which clouds' tokens are kept), then every text is searched for
each of them, as it is and as it is written in JSON, in addresses, in base64 and in hexadecimal.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from urllib.parse import quote, quote_plus

from gatewayd.fields import Secret

STARS = "***"

WHOLE_MAX = 8
"""Characters. A secret this short is taken out where it stands alone: a password `any` is a part
of too many words."""

KEPT_MIN = 12
"""Characters of a word in a cloud's small file from which on it may be a token."""

PLACES = ("file", "credential", "env")
"""What stands there tells where a secret is, and is none."""

DEPTH_MAX = 12

PASSES_MAX = 100
"""A secret of stars would never come to rest; whoever has one is told by `is_clean`."""

_SOUNDS = re.compile(r"(?i)pass(word|phrase)?$|secret|token|api_?key|private")
_PAIR = re.compile(r"""([\w-]+)["']?\s*=\s*(?:"([^"\n]+)"|'([^'\n]+)')""")
_WORD = re.compile(r"[^\s\"',;:{}\[\]]+")


def secrets_in(settings: object, depth: int = 0) -> Iterator[str]:
    """Yield every secret of settings, however deep."""
    if isinstance(settings, Secret):
        yield settings.reveal()
    elif depth > DEPTH_MAX:
        return
    elif is_dataclass(settings) and not isinstance(settings, type):
        for field in fields(settings):
            yield from secrets_in(getattr(settings, field.name, None), depth + 1)
    elif isinstance(settings, Mapping):
        for value in settings.values():
            yield from secrets_in(value, depth + 1)
    elif isinstance(settings, Sequence) and not isinstance(settings, str | bytes):
        for value in settings:
            yield from secrets_in(value, depth + 1)


def secrets_named(document: object, key: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the texts under keys that sound like a secret, also where nobody has declared one."""
    if depth > DEPTH_MAX:
        return
    if isinstance(document, Mapping):
        for name, value in document.items():
            is_inside = _SOUNDS.search(key) and name not in PLACES
            yield from secrets_named(value, key if is_inside else str(name), depth + 1)
    elif isinstance(document, list):
        for value in document:
            yield from secrets_named(value, key, depth + 1)
    elif isinstance(document, str) and document and _SOUNDS.search(key):
        yield document


def secrets_written(text: str) -> Iterator[str]:
    """Yield the same from a text that may be no TOML, its comments too."""
    for match in _PAIR.finditer(text):
        if _SOUNDS.search(match[1]):
            yield match[2] or match[3]


def secrets_kept(text: str) -> Iterator[str]:
    """Yield the words of a cloud's small file that may be tokens."""
    for match in _WORD.finditer(text):
        if len(match[0]) >= KEPT_MIN:
            yield match[0]


class Redactor:
    """Takes known secrets out of texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        written = {form for secret in secrets if secret for form in _forms(secret)}
        # The longest first: one secret may be a part of another.
        self._forms = sorted(written, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return the text with stars in the place of secrets.

        Again and again: the stars of one may be what another, short one, stands alone beside.
        """
        for _ in range(PASSES_MAX):
            before = text
            for form in self._forms:
                if form in text:
                    text = _pattern(form).sub(STARS, text)
            if text == before:
                break
        return text

    def is_clean(self, text: str) -> bool:
        """Return whether no secret is in a text."""
        return not any(form in text and _pattern(form).search(text) for form in self._forms)


def _forms(secret: str) -> set[str]:
    """Return a secret as the world writes it."""
    raw = secret.encode()
    forms = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)}
    if len(secret) > WHOLE_MAX:
        forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
        forms |= {form.rstrip("=") for form in forms} | {raw.hex(), raw.hex().upper()}
        forms |= {line for line in secret.splitlines() if len(line) > WHOLE_MAX}
    return forms


def _pattern(form: str) -> re.Pattern[str]:
    escaped = re.escape(form)
    return re.compile(escaped if len(form) > WHOLE_MAX else rf"(?<!\w){escaped}(?!\w)")
