"""run.json: enough to repeat a run, and the same bytes when it is repeated."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from paper_zone import empty_tables, paper_tables

from gisplan.outputs.runfile import LIBRARIES, write_run

RUN = {
    "inputs": {"water.gpkg": "ab" * 32, "parcels.gpkg": "cd" * 32},
    "counts": {"reported": np.int64(4)},
    "options": {"parcels": ["A"], "date": pd.Timestamp("2026-11-01"), "limit": np.inf, "blank": np.nan},
}


def written(tables, run, path):
    write_run(tables, run, path)
    return json.loads(path.read_text(encoding="utf-8"))


def test_it_names_versions_profile_dates_inputs_and_counts(tmp_path):
    document = written(paper_tables(), RUN, tmp_path / "run.json")
    assert set(LIBRARIES) | {"python"} == set(document["versions"])
    assert "?" not in document["versions"].values()
    assert document["gisplan"] == "0.1.0"
    assert document["profile"] == {"id": "jiutong_classic", "version": "2026.11"}
    assert document["dates"]["data"] == "2026-10-01"
    assert document["dates"]["check"] == "2026-11-01"
    assert document["dates"]["delivery"] == {"first": "2026-12-31", "last": "2027-06-30"}
    assert document["inputs"] == RUN["inputs"]
    assert document["invented"] is True


def test_counts_add_up(tmp_path):
    tables = paper_tables()
    counts = written(tables, RUN, tmp_path / "run.json")["counts"]
    assert counts["parcels"] == sum(counts["ready"].values()) == 4
    assert sum(counts["cells"].values()) == len(tables.cells) == 12
    assert sum(counts["issues"].values()) == len(tables.issues)
    assert counts["reported"] == 4  # what the report counted stands beside our own


def test_what_json_cannot_hold_becomes_null_or_iso(tmp_path):
    options = written(paper_tables(), RUN, tmp_path / "run.json")["options"]
    assert options == {"parcels": ["A"], "date": "2026-11-01", "limit": None, "blank": None}


def test_keys_are_sorted_and_bytes_repeat(tmp_path):
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    write_run(paper_tables(), RUN, paths[0])
    write_run(paper_tables(), dict(reversed(RUN.items())), paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    keys = list(json.loads(paths[0].read_text(encoding="utf-8")))
    assert keys == sorted(keys)


def test_no_parcels_no_delivery_dates(tmp_path):
    assert written(empty_tables(), {}, tmp_path / "run.json")["dates"]["delivery"] is None
