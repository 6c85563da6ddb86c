"""Quantities of a profile: a number with a unit, and nothing else."""

from __future__ import annotations

import pytest

from gisplan.base.errors import ProfileError
from gisplan.base.units import Quantity, quantity


def test_units_are_brought_to_that_of_the_tables() -> None:
    assert quantity("2 km", "x") == Quantity(2000.0, "m")
    assert quantity(" 1.5 m3/h ", "x") == Quantity(36.0, "m3/d")


@pytest.mark.parametrize("text", ["50", "50 ell", "inf m", "nan m", "1e9 m", "", None, 50, "9" * 400 + " m"])
def test_what_is_no_quantity_is_refused_by_name(text: object) -> None:
    """Four hundred nines are more than any number of the machine: as a limit they would let everything pass."""
    with pytest.raises(ProfileError, match=r"water\.reach"):
        quantity(text, "water.reach")  # type: ignore[arg-type]
