"""Words by the column against words by the row: the same sentences, whichever parcels are asked about."""

from __future__ import annotations

import string

import numpy as np
import pandas as pd
import pytest

from gisplan.base.labels import codes, fill, label, say, say_column, say_rows
from gisplan.base.units import number, number_column, number_texts
from gisplan.judging.words import Words, reasons
from gisplan.selfcheck.comparison import engine_report
from gisplan.selfcheck.toys.draw import toy_zone

ODD = ("", "a", "管线 7", "{label}", "{0}", "%s", "x\x00y", "\ud800")
LANGS = ("zh", "en")


def places(code: str) -> set[str]:
    return {
        name for lang in LANGS for _, name, _, _ in string.Formatter().parse(label(code).text(lang)) if name is not None
    }


@pytest.mark.parametrize("seed", range(6))
def test_sentences_by_the_column_are_those_by_the_row(seed):
    rng = np.random.default_rng(seed)
    known = [code for code in codes() if code.startswith(("reason.", "finding.", "land.result.", "land.task"))]
    chosen = [*rng.choice(known, 12).tolist(), "", "no.such.code"]
    names = sorted({name for code in chosen if code for name in places(code)})
    n = int(rng.integers(1, 300))
    kinds = pd.Series(rng.choice(chosen, n), dtype="str", index=rng.permutation(n))
    values = {name: pd.Series(rng.choice(ODD[:-1], n), dtype="str", index=kinds.index) for name in names}
    for lang in LANGS:
        plain = [
            say(code, lang, **{name: values[name].iloc[i] for name in names}) if code else ""
            for i, code in enumerate(kinds)
        ]
        assert say_column(kinds, lang, values).tolist() == plain
        assert say_column(kinds, lang, values).index.equals(kinds.index)


def test_a_value_is_made_only_for_the_rows_that_ask_for_it():
    asked = []

    def value(name):
        def given(rows):
            asked.append((name, rows.tolist()))
            return np.array(["x"] * len(rows), dtype=object)

        return given

    code = next(code for code in codes("reason.") if places(code) == {"at"})
    plain = next(code for code in codes("grade.") if not places(code))
    said = say_rows(np.array([0, 1, 0, 2]), [code, plain, ""], "en", {n: value(n) for n in ("feature", "at")})
    assert asked == [("at", [0, 2])]
    assert said.tolist() == [say(code, "en", at="x"), say(plain, "en"), say(code, "en", at="x"), ""]


def test_one_text_serves_all_rows_and_odd_ones_stay_what_they_are():
    texts = np.array(ODD, dtype=object)
    code = next(code for code in codes("reason.") if places(code) == {"at"})
    assert fill(code, "zh", len(ODD), {"at": texts}).tolist() == [say(code, "zh", at=text) for text in ODD]
    assert fill(code, "zh", 2, {"at": "one"}).tolist() == [say(code, "zh", at="one")] * 2


@pytest.mark.parametrize("digits", range(4))
def test_numbers_by_the_column_are_those_one_by_one(digits):
    rng = np.random.default_rng(digits)
    given = np.concatenate([rng.normal(0, 100, 200).round(4), rng.integers(-3, 3, 50), [np.nan, np.inf, -np.inf] * 3])
    plain = [number(np.round(v, digits) + 0.0, digits) for v in given]
    assert "-0" not in plain
    assert number_texts(given, digits).tolist() == plain
    assert number_column(pd.Series(given), digits).tolist() == plain
    mixed = np.array([*given.tolist(), "medium_a", None], dtype=object)
    assert number_texts(mixed, digits).tolist() == [*plain, "medium_a", "?"]


@pytest.mark.parametrize("seed", range(4))
def test_words_hang_on_no_other_parcel(seed):
    """Parcel by parcel, block by block or all at once: a cell and a finding are told in the same words."""
    report = engine_report(toy_zone(seed, strict=True).plain)
    judged, services = report.zone.judged(), report.zone.profile.services
    parcels = np.arange(len(report.zone.parcels))
    for lang in LANGS:
        whole = report.cells[f"reason_{lang}"].to_numpy(dtype=object).reshape(len(parcels), -1)
        for i, service in enumerate(services):
            single = [reasons(judged, report._cells, service, parcels[p : p + 1], lang)[0] for p in parcels]
            assert single == whole[:, i].tolist()
        rows = np.random.default_rng(seed).permutation(whole.size)
        assert Words(judged, report._cells).of_rows(rows, lang).tolist() == whole.ravel()[rows].tolist()
    single = [report._findings.table(parcels[p : p + 1]) for p in parcels]
    pd.testing.assert_frame_equal(pd.concat(single, ignore_index=True), report.findings, check_dtype=False)
    some = parcels[::2]
    mine = report.findings[report.findings["parcel"].isin(report.zone.parcels.index[some])].reset_index(drop=True)
    pd.testing.assert_frame_equal(report._findings.table(some), mine)


@pytest.mark.parametrize("seed", range(4))
def test_the_tables_without_words_say_the_same(seed):
    report = engine_report(toy_zone(seed, strict=True).plain)
    for short, long in ((report.grades, report.cells), (report.measured, report.findings)):
        assert len(short) == len(long)
        for name in set(short.columns) & set(long.columns) - {"value"}:
            a, b = (table[name].astype(object).where(table[name].notna(), None).tolist() for table in (short, long))
            assert a == b, name
    value = report.findings["value"]
    is_class = value.map(lambda v: isinstance(v, str))
    assert report.measured["class"].dropna().tolist() == value[is_class].tolist()
    assert report.measured["value"][~is_class].to_numpy() == pytest.approx(value[~is_class].astype(float), nan_ok=True)
    priced = report.gaps.loc[report.gaps["estimate_cny"].notna(), "service"].value_counts()
    met = report.land_findings.loc[report.land_findings["verdict"] != "not_applicable", "test"].value_counts()
    asked = report.findings.loc[report.findings["verdict"] != "not_applicable", "condition"].value_counts()
    counts = {"price": (priced, "service"), "land": (met, "what"), "condition": (asked, "what")}
    for row in report.limits.to_dict("records"):
        if row["kind"] in counts:
            found, key = counts[row["kind"]]
            assert row["uses"] == found.get(row[key], 0), row["what"]
