"""layers/NEWZONE.md: the example that it shows works, and says what the page promises; its tables name all that is."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, affinity, box

import gisplan
from gisplan.base.fields import TABLES, fields, vocabulary
from gisplan.reading import zone_file
from gisplan.rules.profile import load

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "layers" / "NEWZONE.md").read_text(encoding="utf-8")
EXAMPLE, SUPPLY = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
LINE, SOURCE = "管线", "源"


def save(path: Path, *rows: dict) -> None:
    moved = [{**row, "geometry": affinity.translate(row["geometry"], 550_000, 4_000_000)} for row in rows]
    gpd.GeoDataFrame(moved, crs="EPSG:4546").to_file(path, layer=path.stem)


def make(folder: Path, text: str = EXAMPLE) -> Path:
    """Make the files that the page describes."""
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    areas = {"XQ-01": (20, 20, 120, 120), "XQ-02": (140, 20, 240, 120), "XQ-03": (20, 220, 120, 320)}
    save(folder / "dikuai.gpkg", *({"宗地号": k, "用途": "工业用地", "geometry": box(*a)} for k, a in areas.items()))
    street = {"feature": "DL-1", "role": LINE, "road_class": "支路", "width_m": 12.0}
    save(
        folder / "road.gpkg",
        {**street, "geometry": LineString([(0, 0), (300, 0)])},
        {"feature": "DL-0", "role": SOURCE, "kind": "对外路口", "geometry": Point(0, 0)},
    )
    main = {"管号": "JS-1", "role": LINE, "口径厘米": 20.0, "status": "现状"}
    save(
        folder / "geishui.gpkg",
        {"管号": "JS-0", "role": "来水点", "kind": "水厂", "status": "现状", "geometry": Point(0, 5)},
        {**main, "geometry": LineString([(0, 5), (300, 5)])},
    )
    sewer = {"feature": "WS-1", "role": LINE, "diameter_mm": 400.0, "status": "现状"}
    plant = {"feature": "WS-0", "role": SOURCE, "kind": "污水处理厂", "status": "在建", "works": "PT-1"}
    save(
        folder / "sewage.gpkg",
        {**sewer, "geometry": LineString([(300, 10), (0, 10)])},
        {**plant, "geometry": Point(0, 10)},
    )
    (folder / "works.csv").write_text("works,phase,planned_on\nPT-1,开工,2027-03-31\n", encoding="utf-8")
    letters = (
        "parcel,service,issuer,number,date,says\n"
        "XQ-01,power,供电公司,电函〔2026〕8号,2026-08-01,具备接入条件\n"
        "XQ-01,catv,管委会,会议纪要〔2026〕3号,2026-08-10,不适用\n"
    )
    (folder / "hanjian.csv").write_text(letters, encoding="utf-8")
    return folder


def stated() -> pd.DataFrame:
    """Read the grades that the page states."""
    head, rule, *rows = re.search(r"^\| 地块 parcel .*?\n\n", PAGE, re.DOTALL | re.MULTILINE)[0].strip().split("\n")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in (head, *rows)]
    assert set(rule) <= set("|-")
    return pd.DataFrame(cells[1:], columns=["parcel", *cells[0][1:]]).set_index("parcel")


@pytest.mark.parametrize("text", [EXAMPLE, f"{EXAMPLE}\n{SUPPLY}"], ids=["example", "with a supply point"])
def test_the_example_of_the_page_gives_the_grades_that_it_states(tmp_path: Path, text: str) -> None:
    zone = gisplan.read(make(tmp_path, text))
    assert not [issue for issue in zone.survey.issues if issue.severity != "info"]
    found = gisplan.check(zone).cells.pivot(index="parcel", columns="service", values="grade")
    told = stated()
    assert found[told.columns].astype(str).to_dict() == told.to_dict()


def test_a_supply_point_stands_in_for_the_source_beyond_the_survey(tmp_path: Path) -> None:
    folder = make(tmp_path, f"{EXAMPLE}\n{SUPPLY}")
    road = gpd.read_file(folder / "road.gpkg")
    (folder / "road.gpkg").unlink()
    road[road["feature"] == "DL-1"].to_file(folder / "road.gpkg", layer="road")
    found = gisplan.check(gisplan.read(folder)).cells.set_index(["parcel", "service"])["grade"]
    assert found["XQ-01", "road"] == "A"


def test_another_profile_asks_for_less(tmp_path: Path) -> None:
    assert 'gisplan.read("newzone", "santong")' in PAGE
    ready = gisplan.check(gisplan.read(make(tmp_path), "santong")).readiness
    assert list(ready["ready"]) == ["unknown", "unknown", "no"]


def test_the_example_is_short() -> None:
    assert 20 <= len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 30


def test_the_page_names_every_key_column_alias_and_word() -> None:
    keys = zone_file._ZONE_KEYS | zone_file._LAYER_KEYS | zone_file._GROUND_KEYS | zone_file._SUPPLY_KEYS
    assert not [key for key in keys if f"`{key}`" not in PAGE]
    for table in TABLES:
        for name, field in fields(table).items():
            assert f"| `{name}` | {field.zh} | {field.en} |" in PAGE
            assert f"| {' '.join(field.aliases)} |" in PAGE, (table, name)
    names = {field.vocabulary for table in TABLES for field in fields(table).values()} - {"", "service"}
    for name in names:
        for code in set(vocabulary(name).values()):
            assert f"| {name} | `{code}` |" in PAGE
    with (ROOT / "gisplan" / "base" / "vocabulary.csv").open(encoding="utf-8") as rows:
        assert not [r for r in csv.DictReader(rows) if f"| {' '.join(r['words'].split('|'))} |" not in PAGE]


def test_the_page_names_what_may_be_a_source() -> None:
    for service in load("jiutong_classic").networks:
        row = re.search(rf"^\| `{service.key}` \|.*$", PAGE, re.MULTILINE)[0]
        assert f"| {service.letter} | {service.short} |" in row
        assert all(f"`{kind}`" in row for kind in service.sources)


def test_the_page_says_what_none_means() -> None:
    assert "计为未通；不需要时请提供“不适用”的决定" in PAGE
