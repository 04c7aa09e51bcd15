"""MQTT topic names and filters: which are well formed, and which match. Pure.

Source: OASIS MQTT Version 3.1.1, 4.7.
"""

from __future__ import annotations


def is_topic_name(topic: str) -> bool:
    """Return whether a message may be published there: not empty, no wildcard, no NUL."""
    return bool(topic) and not any(letter in topic for letter in "+#\0")


def is_topic_filter(pattern: str) -> bool:
    """Return whether a filter is well formed: `+` a whole level, `#` the whole last one."""
    if not pattern or "\0" in pattern:
        return False
    *front, last = pattern.split("/")
    whole = all(level == "+" or "+" not in level for level in (*front, last))
    return whole and all("#" not in level for level in front) and (last == "#" or "#" not in last)


def is_match(pattern: str, topic: str) -> bool:
    """Return whether a topic falls under a filter [4.7]; `$…` topics match no leading wildcard."""
    if pattern == topic:
        return True
    if topic.startswith("$") and pattern[:1] in "+#":
        return False
    wanted, levels = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)
