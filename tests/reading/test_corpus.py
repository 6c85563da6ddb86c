"""Files that nobody here made: odd, broken and mislabelled ones from the tests of GDAL and others, row by row.

``MANIFEST.dev.csv`` says what plain geopandas does with each, and in ``floor`` what is the least that must happen:

- ``error``: refused in one clear sentence, or read with every lost feature named.
- ``report``: refused, or read with flaws that are at least as many as plain geopandas would show if one looked.
- ``ok``: read; or refused with what to export instead, where it is a format that is not read.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyogrio
import pytest
from shared_data import shared

from gisplan.base.labels import label
from gisplan.reading.inspection import CLEAN, CRASHED, FLAWED, REFUSED, SILENT, Seen, inspect
from gisplan.reading.process.child import Child

# Formats that are not read, by what refuses them: another suffix, or JSON that is not GeoJSON.
NOT_READ = {".tab", ".mif", ".gpx", ".topojson", ".txt", ".vrt", ".gml"}
NOT_GEOJSON = {"json_other", "geojson_type"}
# No JSON at all: a comma stands before the bracket that ends a list. Reading it as if it were would be guessing.
NO_JSON = {"gdal-geojson/stac_item.json", "gdal-geojson/esrijson/esripoint.json"}
# Whole and sound; only their names keep plain geopandas out. What is read of them is compared below.
SOUND = {"fiona/!test.geojson", "gdal-gdb/weird_winding_order_fgdb.zip"}
SHAPES = {"geometry_null", "geometry_broken", "geometry_empty", "geometry_infinite", "geometry_repair"}
SHAPES |= {"geometry_mended", "geometry_flat"}
# A drawing's entities that are left out are counted, by kind and handle, in the sentence.
DRAWN = {"dxf_unread", "dxf_paper", "dxf_symbols", "dxf_hidden"}
SLOWEST_S = 20.0


def wanted() -> list[dict[str, str]]:
    with (shared("corpus") / "MANIFEST.dev.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def look(root: Path, rows: list[dict[str, str]]) -> dict[str, tuple[Seen, float]]:
    """Inspect a share of the rows through one child."""
    out = {}
    with Child("en") as child:

        def read(path, request):
            answer = child.wait(child.queue(path, request))
            return answer.layers, answer.issues

        for row in rows:
            start = time.monotonic()
            seen = inspect(root / row["path"], "en", read).files[0]
            out[row["path"]] = (seen, time.monotonic() - start)
    return out


@pytest.fixture(scope="module")
def corpus() -> list[tuple[dict[str, str], Seen, float]]:
    root, rows = shared("corpus"), wanted()
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(lambda part: look(root, part), (rows[::2], rows[1::2])))
    seen = {**halves[0], **halves[1]}
    return [(row, *seen[row["path"]]) for row in rows]


def lost(seen: Seen) -> int:
    """Count the features whose shape is missing or faulty, and what a drawing holds that is not read."""
    shapes = sum(flaw.count for flaw in seen.flaws if flaw.record.code in SHAPES)
    drawn = [flaw.record.message for flaw in seen.flaws if flaw.record.code in DRAWN]
    return shapes + sum(int(found[0]) for text in drawn if (found := re.findall(r"\d+", text)))


def names_features(seen: Seen) -> bool:
    handles = any(flaw.record.code == "dxf_unread" and "handles" in flaw.record.message for flaw in seen.flaws)
    return handles or any(flaw.features for flaw in seen.flaws)


def test_all_targets_are_there(corpus):
    assert len(corpus) == 720
    assert Counter(row["floor"] for row, _, _ in corpus) == {"error": 272, "report": 248, "ok": 200}


def test_nothing_is_silent_and_nothing_crashes(corpus):
    assert [(row["path"], seen.message) for row, seen, _ in corpus if seen.state in (SILENT, CRASHED)] == []


def test_no_file_takes_long(corpus):
    assert [(row["path"], took) for row, _, took in corpus if took > SLOWEST_S] == []


def test_what_must_fail_is_refused_or_names_what_is_lost(corpus):
    rows = [(row, seen) for row, seen, _ in corpus if row["floor"] == "error" and row["path"] not in SOUND]
    silent = [row["path"] for row, seen in rows if seen.state != REFUSED and not names_features(seen)]
    assert silent == []
    assert all(seen.state == FLAWED for _, seen in rows if seen.state != REFUSED)


def test_what_is_wrong_is_counted_or_refused(corpus):
    rows = [(row, seen) for row, seen, _ in corpus if row["floor"] == "report" and seen.state != REFUSED]
    assert [row["path"] for row, seen in rows if not seen.flaws] == []
    less = []
    for row, seen in rows:
        least = sum(int(row[name] or 0) for name in ("null", "empty", "invalid", "nonfinite"))
        if lost(seen) < least:
            less.append((row["path"], lost(seen), least))
    assert less == []


def test_what_has_no_system_is_said_to_have_none(corpus):
    rows = [(row, seen) for row, seen, _ in corpus if row["crs"] == "None" and seen.state in (CLEAN, FLAWED)]
    shaped = [(row, seen) for row, seen in rows if any(layer.shapes for layer in seen.layers)]
    assert len(shaped) > 50
    codes = {"crs_none", "crs_none_look"}
    assert [row["path"] for row, seen in shaped if not codes & {flaw.record.code for flaw in seen.flaws}] == []


def test_what_is_sound_opens_or_is_a_format_that_is_not_read(corpus):
    refused = [(row["path"], seen) for row, seen, _ in corpus if row["floor"] == "ok" and seen.state == REFUSED]
    wrong = [
        (path, seen.message)
        for path, seen in refused
        if Path(path).suffix.casefold() not in NOT_READ and seen.code not in NOT_GEOJSON and path not in NO_JSON
    ]
    assert wrong == []
    for path in NO_JSON:
        with pytest.raises(json.JSONDecodeError):
            json.loads((shared("corpus") / path).read_text(encoding="utf-8"))


def test_rows_are_as_many_as_plain_geopandas_finds(corpus):
    """Of sound files; plain geopandas opened them all, layer by layer."""
    rows = [(row, seen) for row, seen, _ in corpus if row["floor"] == "ok" and seen.state in (CLEAN, FLAWED)]
    assert len(rows) >= 150
    assert [(row["path"], seen.rows, row["n"]) for row, seen in rows if seen.rows != int(row["n"])] == []


@pytest.mark.parametrize("path", sorted(SOUND))
def test_what_only_its_name_keeps_out_is_read_whole(corpus, path):
    seen = next(seen for row, seen, _ in corpus if row["path"] == path)
    file = shared("corpus") / path
    if file.suffix == ".zip":
        info = pyogrio.read_info(f"/vsizip/{file}/roads_clip Drawing.gdb")
        assert seen.rows == info["features"]
    else:
        assert seen.rows == len(json.loads(file.read_text(encoding="utf-8"))["features"])
    assert seen.state in (CLEAN, FLAWED)


def test_every_refusal_is_clear(corpus):
    """A code, the file, what is wrong, and a cure; nothing of this machine, and no traceback."""
    refused = [(row["path"], seen) for row, seen, _ in corpus if seen.state == REFUSED]
    root = str(shared("corpus"))
    for path, seen in refused:
        message = seen.message
        assert label(f"refuse.{seen.code}").en != f"refuse.{seen.code}", (path, seen.code)
        assert message.startswith(f"{Path(path).name}:"), (path, message)
        cure = re.split(r"(?<=[.!)])\s", message)[1:]
        assert len(" ".join(cure)) >= 15, (path, message)
        assert root not in message and "Traceback" not in message and "buildtrees" not in message, message
        assert not re.search(r"(?<![\w<])/(opt|home|root|usr|tmp|work|vsi\w*)/", message), message


def test_every_flaw_is_clear(corpus):
    root = str(shared("corpus"))
    for row, seen, _ in corpus:
        for flaw in seen.flaws:
            assert flaw.record.code and flaw.record.message and len(flaw.record.hint) >= 10, row["path"]
            said = f"{flaw.record.message} {flaw.record.file} {flaw.record.feature}"
            assert root not in said and "buildtrees" not in said, row["path"]


def test_the_score(corpus, capsys):
    """The score may only get better; it is printed for those who want to see it."""
    counts = Counter((row["floor"], seen.state) for row, seen, _ in corpus)
    with capsys.disabled():
        wrong = [row for row, seen, _ in corpus if seen.state in (SILENT, CRASHED)]
        print(f"\ncorpus: clear {len(corpus) - len(wrong)} / {len(corpus)}, silent", end=" ")
        print(sum(n for (_, state), n in counts.items() if state == SILENT), end=", crash ")
        print(sum(n for (_, state), n in counts.items() if state == CRASHED))
        for floor in ("error", "report", "ok"):
            print(f"  {floor}: " + ", ".join(f"{s} {counts[floor, s]}" for s in (CLEAN, FLAWED, REFUSED)))
    assert counts["ok", CLEAN] + counts["ok", FLAWED] >= 150
    assert counts["report", CLEAN] + counts["report", FLAWED] >= 130
