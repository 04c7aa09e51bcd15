"""Collections: records filtered, sorted, paged and cut to fields, as a query says. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gatewayd.clouds.thingplus.query import COUNT_MAX
from gatewayd.clouds.thingplus.sandbox.queries import CollectionQuery
from gatewayd.sandbox.bodies import Document


def select(
    documents: Iterable[Document], query: CollectionQuery, time_field: str = "ctime"
) -> tuple[list[Document], Document]:
    """Return one page of whole documents and its `_meta`.

    Args:
        documents: all records that the caller may see.
        query: its fields are left to `cut`, its embeds to who knows the resource.
        time_field: what `start` and `end` are compared with; UTC milliseconds as text.
    """
    found = [each for each in documents if is_match(each, query, time_field)]
    if query.order_by is not None:
        order_by = query.order_by
        found.sort(key=lambda each: _sort_key(each.get(order_by)), reverse=query.is_descending)
    first = query.page * query.count
    page = found[first : first + query.count]
    meta: Document = {"count": len(page), "page": query.page, "total": len(found)}
    meta["maxCount"] = COUNT_MAX
    if query.start_ms is not None:
        meta["start"] = query.start_ms
    if query.end_ms is not None:
        meta["end"] = query.end_ms
    return page, meta


def is_match(document: Document, query: CollectionQuery, time_field: str = "ctime") -> bool:
    """Return whether every filter has one value that fits, and the time lies in the range."""
    for name, wanted in query.filters.items():
        have = document.get(name)
        texts = {str(each) for each in have} if isinstance(have, list) else {str(have)}
        if texts.isdisjoint(wanted):
            return False
    if query.start_ms is None and query.end_ms is None:
        return True
    time_ms = int(document.get(time_field) or 0)
    is_early = query.start_ms is not None and time_ms < query.start_ms
    return not is_early and (query.end_ms is None or time_ms < query.end_ms)


def cut(document: Document, fields: tuple[str, ...]) -> Document:
    """Return only these members of a document; `id` always stays."""
    if not fields:
        return document
    return {name: document[name] for name in document if name == "id" or name in fields}


def _sort_key(value: object) -> tuple[bool, float, str]:
    """Return a key that sorts numbers (also in texts) as numbers, texts after, nothing first."""
    if isinstance(value, int | float):
        return True, float(value), ""
    if isinstance(value, str) and value.isdecimal():
        return True, float(value), ""
    return value is not None, float("inf") if value is not None else 0.0, str(value or "")
