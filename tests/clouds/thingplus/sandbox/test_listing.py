"""Collections filtered, sorted, paged and cut."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox.listing import cut, select
from gatewayd.clouds.thingplus.sandbox.queries import CollectionQuery
from gatewayd.sandbox.bodies import Document

ROWS: list[Document] = [
    {"id": "a", "n": "10", "tags": ["x", "y"], "ctime": "1000"},
    {"id": "b", "n": "9", "tags": [], "ctime": "2000"},
    {"id": "c", "ctime": "3000"},
]


def ids(query: CollectionQuery) -> list[str]:
    return [each["id"] for each in select(ROWS, query)[0]]


def test_numbers_in_texts_sort_as_numbers() -> None:
    """And rows without the member come first, last when descending."""
    assert ids(CollectionQuery(order_by="n")) == ["c", "b", "a"]
    assert ids(CollectionQuery(order_by="n", is_descending=True)) == ["a", "b", "c"]


def test_pages_follow_each_other() -> None:
    """Counted from 0; the total is of all pages; behind the last there is nothing."""
    page, meta = select(ROWS, CollectionQuery(count=2, page=1))
    assert [each["id"] for each in page] == ["c"]
    assert meta == {"count": 1, "page": 1, "total": 3, "maxCount": 4000}
    assert ids(CollectionQuery(count=2, page=2)) == []


def test_a_list_matches_with_any_of_its_members() -> None:
    """`filter[tags]=x` finds what has x among others."""
    assert ids(CollectionQuery(filters={"tags": ("x", "z")})) == ["a"]
    assert ids(CollectionQuery(filters={"tags": ("x",), "id": ("b",)})) == []


def test_start_is_included_and_end_is_not() -> None:
    """By the time of creation."""
    assert ids(CollectionQuery(start_ms=1000, end_ms=3000)) == ["a", "b"]
    assert select(ROWS, CollectionQuery(start_ms=5))[1]["start"] == 5


def test_the_id_always_stays() -> None:
    """Fields cut everything else."""
    assert cut(ROWS[0], ("n",)) == {"id": "a", "n": "10"}
    assert cut(ROWS[0], ()) is ROWS[0]
