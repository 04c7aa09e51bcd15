"""What it means when a bucket refuses points (how they are written: the live tests)."""

from __future__ import annotations

from gatewayd.clouds.thinger.points import Point
from gatewayd.clouds.thinger.writing import what_refusal_means
from gatewayd.errors import BatchRefused, Throttled

A1, A2 = Point("a", 1, seqs=[1, 2]), Point("a", 2, seqs=[3])
B1, B2 = Point("b", 1, seqs=[4]), Point("b", 2, seqs=[5])


def test_one_of_several_points_is_the_points_fault() -> None:
    """Its readings are named."""
    error = what_refusal_means([A1, A2, B1], [A1])
    assert isinstance(error, BatchRefused)
    assert error.seqs == (1, 2)


def test_all_of_several_points_are_the_buckets_fault() -> None:
    """Also when another bucket took its own."""
    error = what_refusal_means([A1, A2, B1, B2], [A1, B1, B2])
    assert isinstance(error, Throttled)
    assert "bucket b takes nothing; is it there" in str(error)


def test_a_single_point_is_given_up_where_the_bucket_is_known_to_take_points() -> None:
    """Else nobody can tell which it is."""
    error = what_refusal_means([A1, A2, B1], [B1], {"b"})
    assert isinstance(error, BatchRefused)
    assert error.seqs == (4,)
    assert isinstance(what_refusal_means([A1, A2, B1], [B1], {"a"}), Throttled)
