"""The table of endpoints."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.routes import RouteTable


@dataclass(frozen=True)
class Row:
    method: str
    path: str


TABLE = RouteTable(
    [
        Row("GET", "/a/{x}"),
        Row("GET", "/a/{x}/b.c/{y}"),
        Row("PUT", "/a/{x}"),
        Row("GET", "/c/{x}/{rest...}"),
    ]
)


def test_a_path_leads_to_its_row_with_the_ids_in_it() -> None:
    """A slash at the end means nothing; the method counts."""
    row, names = TABLE.find("GET", "/a/1/b.c/2/")
    assert (row.path, names) == ("/a/{x}/b.c/{y}", {"x": "1", "y": "2"})
    assert TABLE.find("PUT", "/a/1")[0].method == "PUT"


def test_a_tail_takes_all_that_follows() -> None:
    """One segment at least."""
    assert TABLE.find("GET", "/c/1/2/3/")[1] == {"x": "1", "rest": "2/3"}


@pytest.mark.parametrize("path", ["", "/", "/b", "/a", "/a/1/b", "/a/1/bXc/2", "a/1", "/c/1"])
def test_any_other_path_is_not_found(path: str) -> None:
    """404; the dot of a path is a dot."""
    with pytest.raises(ApiError) as caught:
        TABLE.find("GET", path)
    assert caught.value.status == 404
