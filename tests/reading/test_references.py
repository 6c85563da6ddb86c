"""References: what names a thing that is not there is found, however the columns are held."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gisplan.reading.references import _lost


@pytest.mark.parametrize("seed", range(20))
def test_what_is_lost_is_what_is_named_and_not_there(seed):
    rng = np.random.default_rng(seed)
    names = np.array(["A-1", "a-1", "A-1 ", "井1", "", "B", "C", None], dtype=object)
    words = pd.Series(names[rng.integers(0, 8, rng.integers(0, 30))], dtype=["str", "object"][seed % 2])
    known = pd.Index(rng.permutation(names[:7])[: rng.integers(0, 8)], dtype=["object", "str"][seed // 2 % 2])
    plain = [not pd.isna(word) and word not in list(known) for word in words]
    assert _lost(words, known).tolist() == plain
