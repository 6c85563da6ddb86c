"""Columns of texts held as numbers say what plain lists of texts say, whatever is set, in whatever order."""

from __future__ import annotations

import numpy as np

from gisplan.base.coded import Coded, side_by_side

WORDS = ("A", "B", "", "路", None)


def objects(words: list[str | None]) -> np.ndarray:
    out = np.empty(len(words), dtype=object)
    out[:] = words
    return out


def random_words(rng: np.random.Generator, rows: int) -> list[str | None]:
    return [WORDS[k] for k in rng.integers(0, len(WORDS), rows)]


def test_a_column_is_set_as_a_list_is() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        plain = random_words(rng, 12)
        column = Coded.of(objects(plain))
        for _ in range(4):
            where = rng.random(12) < 0.4
            if rng.random() < 0.5:
                word = WORDS[rng.integers(len(WORDS))]
                column.put(where, word)
                plain = [word if hit else old for hit, old in zip(where, plain, strict=True)]
            else:
                new = random_words(rng, int(where.sum()))
                column.put(where, Coded.of(objects(new)))
                rest = iter(new)
                plain = [next(rest) if hit else old for hit, old in zip(where, plain, strict=True)]
        assert column.texts().tolist() == plain
        assert column.among("A", "路").tolist() == [word in ("A", "路") for word in plain]
        other = random_words(rng, 12)
        assert column.same(Coded.of(objects(other))).tolist() == [a == b for a, b in zip(plain, other, strict=True)]
        at = rng.integers(-1, 12, 7)
        assert column.take(at).texts().tolist() == [None if k < 0 else plain[k] for k in at]


def test_a_copy_may_be_set_without_touching_the_first() -> None:
    first = Coded.filled(3, "A")
    second = first.copy()
    second.put(np.array([True, False, False]), "D")
    assert (first.texts().tolist(), second.texts().tolist()) == (["A"] * 3, ["D", "A", "A"])


def test_columns_lie_side_by_side_and_unused_words_are_left_out() -> None:
    one, two = Coded.of(objects(["x", "y", None])), Coded(np.array([1, 1, -1], dtype=np.int32), objects(["z", "y"]))
    found = side_by_side([one, two])
    assert found.astype(object).tolist()[:4] == ["x", "y", "y", "y"]
    assert found.isna().tolist() == [False] * 4 + [True] * 2
    assert sorted(found.categories) == ["x", "y"]
