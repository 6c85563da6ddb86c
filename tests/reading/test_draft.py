"""The draft of a zone.toml: what it finds is counted against a truth written by hand; what it guesses never counts."""

from __future__ import annotations

import re
import shutil
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ezdxf
import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rewriting import CONNECTION, GANTING
from shared_data import shared

import gisplan
from gisplan.base.errors import ExportError, GisplanError, ReadError
from gisplan.cli import main
from gisplan.reading.drafting.draft import RESULTS, Draft, look_at
from gisplan.reading.drafting.guesses import role_of
from gisplan.reading.drafting.skeleton import quoted, remark, skeleton, write_skeleton
from gisplan.reading.zone_file import Source, ZoneFile, read_zone_file

Truth = Mapping[tuple[str, str], tuple[str, Mapping[str, str]]]


def same(names: str) -> dict[str, str]:
    """Columns that bear our own names."""
    return {name: name for name in names.split()}


SEWAGE = {
    "feature": "管段号", "role": "要素类型", "status": "建设状态", "works": "工程号", "diameter_mm": "管径毫米",
    "flow": "水流方向", "system": "体制", "from_joint": "起点井号", "to_joint": "终点井号", "invert_from_m": "起点管底",
    "invert_to_m": "终点管底", "name": "管段名称", "kind": "设施种类", "capacity": "规模", "capacity_unit": "规模单位",
    "capacity_used": "已承诺",
}  # fmt: skip
HEAT = {
    "feature": "管线号", "role": "要素", "status": "状态", "works": "工程", "diameter_mm": "口径", "medium": "介质",
    "open": "阀位", "name": "名称", "kind": "种类", "capacity": "规模", "capacity_unit": "单位",
    "capacity_used": "已承诺", "leg": "供回",
}  # fmt: skip
LINE, STATION = (
    "feature role status works name",
    "feature role status works name kind capacity capacity_unit capacity_used",
)
# What zone.toml and layers/README.md say of the embedded zone, copied by hand.
ZONE: Truth = {
    ("parcels.gpkg", ""): ("parcels", same(
        "parcel name use sub_park county_code supply_status delivery_on promised stated_area_m2 leveling_status"
        " leveling_works cadastral_code plan far_min far_max building_factor_min_pct green_max_pct invest_min_cny_mu"
        " tax_min_cny_mu indicator_basis plan_date output_min_cny_mu energy_max_tce_10kcny emission_max_kg_10kcny"
        " rd_min_pct height_max_m design_level_m flood_level_m")),
    ("barriers.gpkg", ""): ("barriers", same("feature kind name")),
    ("works.csv", ""): ("works", same(
        "works name phase planned_on actual_on commission_on cost_cny funding funding_state funded_pct progress_pct"
        " invested_cny responsible")),
    ("evidence.csv", ""): ("evidence", same(
        "parcel feature service issuer number date expires says capacity capacity_unit note")),
    ("road.gpkg", "road_line"): ("road", same(f"{LINE} road_class width_m deck")),
    ("road.gpkg", "road_point"): ("road", same("feature role status works name kind")),
    ("water.gpkg", "water_line"): ("water", same(f"{LINE} diameter_mm")),
    ("water.gpkg", "water_point"): ("water", same(f"{STATION} open")),
    ("storm.gpkg", "storm_line"): ("storm", same(
        f"{LINE} from_joint to_joint diameter_mm system invert_from_m invert_to_m")),
    ("storm.gpkg", "storm_point"): ("storm", same("feature role status works name kind ground_m")),
    ("sewage.gpkg", "污水管线"): ("sewage", SEWAGE),
    ("sewage.gpkg", "污水点"): ("sewage", SEWAGE),
    ("power.gpkg", "power_line"): ("power", same(f"{LINE} voltage_kv capacity capacity_unit circuits")),
    ("power.gpkg", "power_point"): ("power", same(STATION)),
    ("telecom.gpkg", "telecom_line"): ("telecom", same(f"{LINE} holes_total holes_used")),
    ("telecom.gpkg", "telecom_point"): ("telecom", same(STATION)),
    ("gas.gpkg", "gas_line"): ("gas", same(f"{LINE} diameter_mm pressure_class")),
    ("gas.gpkg", "gas_point"): ("gas", same(STATION)),
    ("heat.shp", ""): ("heat", HEAT),
    ("heat_point.shp", ""): ("heat", HEAT),
    ("catv.geojson", ""): ("catv", same("feature role status works name kind")),
}  # fmt: skip
NOTHING = {"assessments.csv", "buildings.csv", "commitments.csv", "netland.csv",
           "constraints.gpkg", "farmland.gpkg", "firms.csv", "projects.csv",
           "subparks.csv"}  # fmt: skip
# As tests/santboi/zone.toml says; a number of parcels and of streets stands in two columns of equal cells.
STATE = {"status": "state"}
TOWN: Truth = {
    ("santboi.gpkg", "parcels"): ("parcels", {"parcel": "id|plot_code"}),
    ("santboi.gpkg", "streets"): ("road", {"feature": "id"}),
    ("santboi.gpkg", "water_pipe"): ("water", {
        "feature": "arc_id", "diameter_mm": "dnom", "from_joint": "node_1", "to_joint": "node_2", **STATE}),
    ("santboi.gpkg", "water_link"): ("water", STATE),
    ("santboi.gpkg", "water_node"): ("water", {
        "feature": "node_id", "role": "node_type", "kind": "node_type", **STATE}),
    ("santboi.gpkg", "water_connec"): ("water", {"feature": "connec_id", **STATE}),
    ("santboi.gpkg", "sewer_pipe"): ("sewage", {
        "feature": "arc_id", "diameter_mm": "geom1_m", "from_joint": "node_1", "to_joint": "node_2",
        "invert_from_m": "elev1", "invert_to_m": "elev2", **STATE}),
    ("santboi.gpkg", "sewer_link"): ("sewage", STATE),
    ("santboi.gpkg", "sewer_node"): ("sewage", {
        "feature": "node_id", "role": "node_type", "kind": "node_type", **STATE}),
    ("santboi.gpkg", "sewer_connec"): ("sewage", {"feature": "connec_id", **STATE}),
}  # fmt: skip
# Columns that the town's zone.toml does without, and that are rightly so called.
RIGHT_TOO = {("water_pipe", "role", "arc_type"), ("sewer_pipe", "role", "arc_type"), ("streets", "name", "name")}
RENAMED = {
    "parcels": "甘亭宗地2026", "barriers": "障碍物", "works": "配套工程表", "evidence": "各单位复函",
    "road": "市政道路", "water": "给水管线", "storm": "雨水管线", "sewage": "污水", "power": "电力管线",
    "telecom": "通信管网", "gas": "燃气管线", "heat": "热力_线", "heat_point": "热力_点", "catv": "广电光缆",
    "dem": "地形高程",
}  # fmt: skip


def bare(folder: Path, names: Mapping[str, str] | None = None) -> Path:
    """Copy the embedded zone without what explains it, with other names if wanted."""
    folder.mkdir()
    for path in GANTING.iterdir():
        if path.name not in ("zone.toml", "expected.csv"):
            shutil.copy(path, folder / f"{(names or {}).get(path.stem, path.stem)}{path.suffix}")
    return folder


def renamed(truth: Truth, names: Mapping[str, str]) -> Truth:
    return {(f"{names[Path(f).stem]}{Path(f).suffix}", layer): said for (f, layer), said in truth.items()}


def score(found: Draft, truth: Truth) -> tuple[int, int, list[str]]:
    """Count what of the truth was found and counts, and list what was not."""
    by_place = {(k.look.file, k.look.raw.layer if k.look.several else ""): k for k in found.kin if k.active}
    lost, total = [], 0
    for place, (table, columns) in truth.items():
        one = by_place.get(place)
        total += 1 + len(columns)
        if one is None or one.table != table:
            lost.append(f"{place}: {table}")
            continue
        claims = {c.ours: c.theirs for c in one.claims if c.active}
        lost += [
            f"{place}: {ours}" for ours, theirs in columns.items() if claims.get(ours, "") not in theirs.split("|")
        ]
    return total - len(lost), total, lost


def false(found: Draft, truth: Truth) -> list[str]:
    """List what counts although it is wrong: layers, and columns of which the draft says that they are certain."""
    out = []
    for one in found.kin:
        place = (one.look.file, one.look.raw.layer if one.look.several else "")
        if not one.active:
            continue
        if truth.get(place, ("", {}))[0] != one.table:
            out.append(f"{place} is not {one.table}")
            continue
        right = truth[place][1]
        for claim in one.claims:
            known = claim.theirs in right.get(claim.ours, "").split("|")
            if claim.confidence == "certain" and not known:
                out.append(f"{place}: {claim.ours} is not {claim.theirs}")
    return [line for line in out if not any(line == f"{('santboi.gpkg', a)}: {b} is not {c}" for a, b, c in RIGHT_TOO)]


def drafted(folder: Path, **asked: Any) -> tuple[Draft, ZoneFile]:
    """Look at a folder, write its zone.toml and read that as gisplan does."""
    found = look_at(folder, **asked)
    write_skeleton(folder, skeleton(found, asked.get("lang", "zh")), False, "zh")
    return found, read_zone_file(folder)


def sources(said: ZoneFile) -> Iterator[Source]:
    for found in said.tables.values():
        yield from found
    for found in said.layers.values():
        yield from found


def decides_nothing(said: ZoneFile) -> None:
    """See that nothing counts which only a person can know."""
    assert not said.absent and not said.no_barriers and not said.supply
    for source in sources(said):
        assert (source.status, source.open, source.role, source.as_of) == (None, None, None, None)
        assert not source.digitised and "status" not in source.values and "says" not in source.values


def faithful(found: Draft, said: ZoneFile) -> None:
    """See that zone.toml, read again, says what the draft says, and nothing else."""
    wanted = {
        (
            k.look.file,
            k.look.raw.layer if k.look.several else None,
            tuple(sorted((c.ours, c.theirs) for c in k.claims if c.active and not c.rivals)),
        )
        for k in found.kin
        if k.active
    }
    assert wanted == {(s.file, s.layer, tuple(sorted(s.columns.items()))) for s in sources(said)}
    assert said.crs == found.crs and said.title.zh == found.title


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Draft, ZoneFile]:
    folder = bare(tmp_path_factory.mktemp("draft") / "zone")
    return (folder, *drafted(folder))


def test_the_embedded_zone_is_found(zone, capsys) -> None:
    _, found, said = zone
    right, total, lost = score(found, ZONE)
    with capsys.disabled():
        print(f"\nembedded zone, bare: {right} of {total} layers and columns found; not found: {lost or 'none'}")
    assert right >= 0.9 * total
    assert false(found, ZONE) == []
    assert {name for name, _ in found.unused} == NOTHING
    assert [name for name, reason in found.ground if not reason] == ["dem.tif"]
    assert found.missing == []
    assert found.complete and found.crs == "EPSG:4546"
    decides_nothing(said)
    faithful(found, said)


def test_the_box_holds_every_parcel_and_little_more(zone) -> None:
    _, _, said = zone
    west, south, east, north = gpd.read_file(GANTING / "parcels.gpkg").to_crs(4326).total_bounds
    box = said.place.box
    assert box is not None
    assert box[0] <= west and box[1] <= south and box[2] >= east and box[3] >= north
    assert max(west - box[0], south - box[1], box[2] - east, box[3] - north) < 0.05


def grades(folder: Path, *answers: str) -> pd.Series:
    """Grade a copy of a zone in whose zone.toml some lines have been answered, or added at the top of [zone]."""
    text = text_of(folder)
    for answer in answers:
        text = text.replace("[zone]\n", f"[zone]\n{answer}\n", 1)
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    cells = gisplan.check(gisplan.read(folder, CONNECTION)).cells
    return cells.set_index(["parcel", "service"])["grade"].sort_index()


def test_a_check_with_the_draft_is_never_better(zone, tmp_path, capsys) -> None:
    """The drafted zone.toml is taken as it stands, but for its dates: less is known, so less may be connected."""
    before = grades(shutil.copytree(GANTING, tmp_path / "before"))
    after = grades(shutil.copytree(zone[0], tmp_path / "after"), "date = 2026-11-01", "data_date = 2026-09-30")
    assert len(before) == 1660 and before.index.equals(after.index)
    with capsys.disabled():
        print(f"\nembedded zone, drafted: {(before == after).sum()} of 1660 cells are the same")
    rank = {"A": 0, "N": 0, "B": 1, "C": 2, "D": 3, "U": 3}
    better = before[before.map(rank) > after.map(rank)]
    assert better.to_dict() == {}
    assert (after[before != "A"] != "A").all()
    assert (after == "A").sum() > 100, "a draft that connects nothing would prove nothing"


def test_names_that_a_bureau_gives(tmp_path: Path, capsys) -> None:
    folder = bare(tmp_path / "片区", RENAMED)
    found, said = drafted(folder, lang="en")
    truth = renamed(ZONE, RENAMED)
    right, total, lost = score(found, truth)
    with capsys.disabled():
        print(f"\nembedded zone, renamed: {right} of {total} found; not found: {lost or 'none'}")
    assert right >= 0.9 * total
    assert false(found, truth) == []
    decides_nothing(said)
    faithful(found, said)


def test_names_that_say_nothing(tmp_path: Path, capsys) -> None:
    """Files called a, b, c: the layers' own names, columns and cells must do."""
    stems = sorted({Path(file).stem for file, _ in ZONE})
    names = {stem: f"f{i:02d}" for i, stem in enumerate(stems)}
    found, said = drafted(bare(tmp_path / "x", names))
    right, total, lost = score(found, renamed(ZONE, names))
    with capsys.disabled():
        print(f"\nembedded zone, file names without meaning: {right} of {total} found; not found: {lost or 'none'}")
    assert right >= 0.9 * total
    assert false(found, renamed(ZONE, names)) == []
    decides_nothing(said)


def test_a_real_town_is_found(tmp_path: Path, capsys) -> None:
    shutil.copy(shared("santboi") / "santboi.gpkg", tmp_path)
    found, said = drafted(tmp_path)
    right, total, lost = score(found, TOWN)
    with capsys.disabled():
        print(f"\nSant Boi, bare: {right} of {total} layers and columns found; not found: {lost or 'none'}")
    assert right >= 0.9 * total
    assert false(found, TOWN) == []
    cells = gpd.read_file(tmp_path / "santboi.gpkg", layer="parcels")
    assert (cells["id"] == cells["plot_code"]).all(), "either is the number of the parcel"
    assert {name.split(":")[1] for name, _ in found.unused} == {"addresses", "municipality", "sewer_gully"}
    assert found.missing == ["storm", "power", "telecom", "gas", "heat", "catv"]
    assert said.layers["sewage"][0].units == {"diameter_mm": "m"}
    assert found.crs == "EPSG:25831"
    decides_nothing(said)
    faithful(found, said)


# -------------------------------------------------------------------------------------------------- small folders


def parcels(count: int = 3, **columns: Any) -> gpd.GeoDataFrame:
    shapes = [shapely.box(550000 + 100 * i, 4000000, 550080 + 100 * i, 4000080) for i in range(count)]
    return gpd.GeoDataFrame({"DKBH": [f"A-0{i}-01" for i in range(count)], **columns}, geometry=shapes, crs=4546)


def pipes(**columns: Any) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString([(550000 + 50 * i, 3999990), (550050 + 50 * i, 3999990)]) for i in range(4)]
    return gpd.GeoDataFrame({"编号": [f"P{i}" for i in range(4)], **columns}, geometry=shapes, crs=4546)


def unnamed(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Write a shapefile that names no system."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.set_crs(None, allow_override=True).to_file(path, encoding="utf-8")


def text_of(folder: Path) -> str:
    return (folder / "zone.toml").read_text(encoding="utf-8")


def test_a_state_is_never_guessed(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    pipes(状态=["正常", "现状", "现状管线", None], 管径=["DN300"] * 4).to_file(tmp_path / "给水现状管线.gpkg")
    _, said = drafted(tmp_path)
    decides_nothing(said)
    assert said.layers["water"][0].columns["status"] == "状态"
    text = text_of(tmp_path)
    assert '\n# values.status."正常" = "operating"' in text
    assert '\n# values.status."现状管线" = "operating"' in text
    assert '\n# status = "现状"' in text
    assert "\n# none = true" in text and "# [layer.gas]" in text


def test_two_columns_that_contradict_each_other_are_both_heard(tmp_path: Path) -> None:
    """A main that is 现状 in one column and 废弃 in another is not known, with the draft as without it."""
    parcels(1).to_file(tmp_path / "地块.gpkg")
    square = parcels(1).geometry.iloc[0]
    west, south, east, _ = square.bounds
    shapes = [shapely.LineString([(west - 50, south - 5), (east + 50, south - 5)]), shapely.Point(west - 50, south - 5)]
    columns = {"角色": ["管线", "源"], "类别": [None, "水厂"], "管径": ["DN300", None], "状态": ["现状", "现状"]}
    grades = []
    for now in ("在用", "废弃"):
        frame = gpd.GeoDataFrame({**columns, "使用状态": [now, "在用"]}, geometry=shapes, crs=parcels(1).crs)
        frame.to_file(tmp_path / "给水管线.gpkg")
        found, said = drafted(tmp_path)
        faithful(found, said)
        assert "status" not in said.layers["water"][0].columns and "使用状态" in text_of(tmp_path)
        (tmp_path / "zone.toml").write_text(text_of(tmp_path) + "\n[barriers]\nnone = true\n", encoding="utf-8")
        cells = gisplan.check(gisplan.read(tmp_path, CONNECTION)).cells.set_index("service")
        grades.append(cells["grade"]["water"])
        (tmp_path / "zone.toml").unlink()
    assert grades == ["A", "U"]


def test_what_feeds_a_network_is_never_guessed_from_a_word() -> None:
    assert role_of("污水主管") == "line" and role_of("SHUTOFF_VALVE") == "valve" and role_of("圆形检查井") == "manhole"
    for word in (
        "水厂",
        "污水厂",
        "WWTP",
        "OUTFALL",
        "消防接口",
        "预留管线",
        "空管管线",
        "阀门检查井",
        "VALVE_CHAMBER",
        "备用支管",
    ):
        assert role_of(word) == "", word


def test_a_plant_is_a_source_where_its_kind_says_so(tmp_path: Path) -> None:
    """The column of kinds names a treatment plant in each row of that role: no guess is left."""
    parcels().to_file(tmp_path / "dk.gpkg")
    points = gpd.GeoDataFrame(
        {"编号": ["a", "b", "c"], "要素类型": ["厂", "井", "厂"], "种类": ["污水处理厂", None, "污水处理厂"]},
        geometry=[shapely.Point(550000 + i, 4000000) for i in range(3)], crs=4546,
    )  # fmt: skip
    points.to_file(tmp_path / "污水设施.gpkg")
    _, said = drafted(tmp_path)
    assert said.layers["sewage"][0].values["role"] == {"厂": "source"}


def test_cells_under_another_name_are_only_a_guess(tmp_path: Path) -> None:
    """The state of the road above, what feeds a cabinet, the width of a casing: the words fit, the meaning does not."""
    parcels().to_file(tmp_path / "dk.gpkg")
    other = {
        "所在道路状态": ["现状"] * 4,
        "上级": ["电源"] * 4,
        "套管直径": [300] * 4,
        "规划管径": [300] * 4,
        "附注": ["管线"] * 4,
    }
    pipes(**other).to_file(tmp_path / "给水.gpkg")
    found, said = drafted(tmp_path)
    assert dict(said.layers["water"][0].columns) == {"feature": "编号", "role": "附注"}
    assert '\n# columns.status = "所在道路状态"' in text_of(tmp_path)
    for name in ("道路红线", "给水注记", "路灯", "再生水"):
        pipes().to_file(tmp_path / f"{name}.gpkg")
    assert len(look_at(tmp_path).kin) == len(found.kin)


def test_closed_valves_are_heard_under_any_name(tmp_path: Path) -> None:
    """A valve of which nothing is known counts as open, so a column of 开 and 关 must not be passed over."""
    parcels().to_file(tmp_path / "dk.gpkg")
    places = gpd.points_from_xy([550000, 550050, 550100], [3999990] * 3)
    valves = {"编号": ["a", "b", "c"], "角色": ["阀门"] * 3, "甲": ["开", "关", None], "乙": ["是", "否", "是"]}
    gpd.GeoDataFrame(valves, geometry=places, crs=4546).to_file(tmp_path / "给水阀.gpkg")
    _, said = drafted(tmp_path)
    assert said.layers["water"][0].columns["open"] == "甲"
    assert '\n# open = "开"' in text_of(tmp_path)


def test_units_count_only_where_the_name_states_them(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "dk.gpkg")
    pipes(管径厘米=["30"] * 4).to_file(tmp_path / "给水a.gpkg")
    pipes(管径=["0.3", "0.4", "0.3", "0.6"]).to_file(tmp_path / "给水b.gpkg")
    pipes(管径=["30", "40", "30", "60"]).to_file(tmp_path / "给水c.gpkg")
    _, said = drafted(tmp_path)
    units = {s.file: dict(s.units) for s in said.layers["water"]}
    assert units == {"给水a.gpkg": {"diameter_mm": "厘米"}, "给水b.gpkg": {}, "给水c.gpkg": {}}
    text = text_of(tmp_path)
    assert '\n# units.diameter_mm = "m"' in text and '\n# units.diameter_mm = "cm"' in text


def test_letters_and_barriers_count_only_when_all_of_them_do(tmp_path: Path) -> None:
    """A letter or a river that is left out would make an answer better than it is."""
    parcels().to_file(tmp_path / "dk.gpkg")
    letter = pd.DataFrame(
        {"parcel": ["A-00-01"], "service": ["给水"], "says": ["已通"], "issuer": ["x"], "number": ["1"]}
    )
    letter.to_csv(tmp_path / "函件一.csv", index=False)
    letter.to_csv(tmp_path / "函件二.csv", index=False)
    river = gpd.GeoDataFrame({"名称": ["汾河"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4546)
    river.to_file(tmp_path / "河流.gpkg")
    found, said = drafted(tmp_path)
    assert "evidence" not in said.tables and "barriers" not in said.tables
    assert {(k.table, k.active) for k in found.kin if k.table != "parcels"} == {
        ("evidence", False),
        ("barriers", False),
    }
    assert '# file = "函件一.csv"' in text_of(tmp_path) and '# file = "河流.gpkg"' in text_of(tmp_path)


def test_two_tables_of_parcels_leave_the_choice(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块a.gpkg")
    parcels().to_file(tmp_path / "地块b.gpkg")
    found = look_at(tmp_path)
    assert [(k.table, k.active) for k in found.kin] == [("parcels", False)] * 2
    assert not found.complete


def test_without_a_system_nothing_is_chosen(tmp_path: Path) -> None:
    unnamed(parcels(), tmp_path / "地块.shp")
    found = look_at(tmp_path)
    assert found.crs == "" and "EPSG:4546" in found.systems and not found.complete
    text = skeleton(found)
    assert re.search(r'\n# crs = "EPSG:4546" +# CGCS2000 三度带 中央经线 111°\n', text)
    assert "crs" not in tomllib.loads(text)["zone"]
    asked = look_at(tmp_path, crs="EPSG:4546")
    said = tomllib.loads(skeleton(asked))
    assert asked.complete and said["zone"]["crs"] == said["parcels"]["crs"] == "EPSG:4546"
    assert said["zone"]["place"]["box"][0] < 111.556 < said["zone"]["place"]["box"][2]


def test_a_zone_prefix_names_one_system(tmp_path: Path) -> None:
    unnamed(parcels().to_crs(4525), tmp_path / "地块.shp")
    found = look_at(tmp_path)
    assert found.systems == ("EPSG:4525",)
    assert "# CGCS2000 三度带 第 37 带 中央经线 111°\n" in skeleton(found)


def test_a_layer_without_a_system_is_asked_about(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    unnamed(pipes(), tmp_path / "给水.shp")
    pipes().to_crs(4525).set_crs(4546, allow_override=True).to_file(tmp_path / "燃气.gpkg")
    _, said = drafted(tmp_path)
    assert said.layers["water"][0].crs is None and said.layers["gas"][0].crs is None
    text = text_of(tmp_path)
    assert '\n# crs = "EPSG:4546"' in text.split('"给水.shp"')[1].split("[[")[0]
    assert '\n# crs = "EPSG:4525"' in text.split('"燃气.gpkg"')[1].split("[[")[0]


def test_degrees_alone_get_a_system_to_measure_in(tmp_path: Path) -> None:
    parcels().to_crs(4490).to_file(tmp_path / "地块.gpkg")
    assert look_at(tmp_path).crs == "EPSG:4546"


def survey_of(code: str) -> dict[str, pd.DataFrame]:
    """A pipe survey after CJJ 61: a table of points, and a table of lines that names them."""
    points = pd.DataFrame(
        {"Exp_No": ["1", "2"], "X": [3999990.0, 3999990.0], "Y": [550000.0, 550200.0], "High": [1, 1]}
    )
    lines = pd.DataFrame({"S_Exp": ["1"], "E_Exp": ["2"], "PSize": ["300"], "Material": ["铸铁"]})
    return {f"{code}Point": points, f"{code}Line": lines}


def test_a_pipe_survey_is_a_pair_of_tables(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    with pd.ExcelWriter(tmp_path / "管线成果.xlsx") as book:
        for code in ("JS", "YS", "LD"):  # water; rain or raw water; street lighting
            for name, table in survey_of(code).items():
                table.to_excel(book, sheet_name=name, index=False)
    for name, table in survey_of("WS").items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    found, said = drafted(tmp_path)
    water, sewage = said.layers["water"], said.layers["sewage"]
    assert [(s.file, s.layer, s.points, dict(s.columns)) for s in water] == [("管线成果.xlsx", "JSLine", "JSPoint", {})]
    assert [(s.file, s.layer, s.points) for s in sewage] == [("WSLine.csv", None, "WSPoint.csv")]
    assert set(said.layers) == {"water", "sewage"}, "nobody knows what YS is"
    assert '# layer = "YSLine"' in text_of(tmp_path)
    assert ("管线成果.xlsx:LDLine" in dict(found.unused)) and len(found.unused) == 1


def surveyed(folder: Path) -> None:
    """Write a survey of water whose first point is the works, and one of sewers that nothing drains."""
    for code, first in (("JS", "水厂"), ("WS", "检查井")):
        for name, table in survey_of(code).items():
            if name.endswith("Point"):
                table["附属物"] = [first, None]
            table.to_csv(folder / f"{name}.csv", index=False)


@pytest.mark.parametrize("code", ["pair", "single"])
def test_a_pipe_survey_gets_a_system_and_can_be_checked(tmp_path: Path, code: str, capsys) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    if code == "pair":
        surveyed(tmp_path)
    else:
        table = pd.DataFrame(
            {"点号": ["1", "2"], "连接点号": ["2", "1"], "X": [3999990.0] * 2, "Y": [550000.0, 550200.0]}
        )
        table.to_csv(tmp_path / "给水.csv", index=False)
    assert main(["new", str(tmp_path), "--lang", "en"]) == 3, "a check would refuse files without a system"
    said = capsys.readouterr()
    assert "JSLine.csv" in said.err or "给水.csv" in said.err
    assert "--crs" in said.err and "railway" not in said.err and "railway" in said.out
    assert read_zone_file(tmp_path).layers["water"][0].crs is None
    assert '\n# crs = "EPSG:4546"' in text_of(tmp_path).split("[[layer.water]]")[1]
    assert main(["new", str(tmp_path), "--force", "--crs", "EPSG:4546"]) == 0
    assert read_zone_file(tmp_path).layers["water"][0].crs == "EPSG:4546"
    assert main(["check", str(tmp_path), "--out", str(tmp_path / "out")]) in (0, 1)


def test_the_works_of_a_survey_are_its_source(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    surveyed(tmp_path)
    text = skeleton(look_at(tmp_path, crs="EPSG:4546"))
    assert "给水没有一个源" not in text and "污水没有一个源" in text


def test_letters_whose_parcels_nobody_knows_are_not_certain(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    letter = {"专项": ["供电", "排水", "电视台"], "出具单位": ["x"] * 3, "文号": list("123"), "结论": ["已通"] * 3}
    pd.DataFrame({**letter, "块": ["A-00-01"] * 3}).to_csv(tmp_path / "函件.csv", index=False)
    found = look_at(tmp_path)
    assert [(k.table, k.confidence) for k in found.kin][1:] == [("evidence", "likely")]
    assert '\n# columns.parcel = "?"' in skeleton(found)
    pd.DataFrame({**letter, "宗地编号": ["A-00-01"] * 3}).to_csv(tmp_path / "函件.csv", index=False)
    found, said = drafted(tmp_path)
    assert said.tables["evidence"][0].columns["parcel"] == "宗地编号"
    assert said.tables["evidence"][0].columns["service"] == "专项"
    text = text_of(tmp_path)
    assert '\n# values.service."排水" = "?"' in text and '\n# values.service."电视台" = "?"' in text
    assert 'values.service."供电"' not in text, "it is known"


def drawing(path: Path, coded: bool) -> None:
    """Draw two closed outlines on the layer on which CASS draws parcels, and a street on another."""
    document = ezdxf.new("R2010")
    document.appids.add("SOUTH")
    space = document.modelspace()
    for i in range(2):
        x = 550000 + 100 * i
        corners = [(x, 4000000), (x + 80, 4000000), (x + 80, 4000080), (x, 4000080)]
        outline = space.add_lwpolyline(corners, close=True, dxfattribs={"layer": "JZD"})
        if coded:
            outline.set_xdata("SOUTH", [(1000, "300000"), (1000, f"A-0{i}-01"), (1000, "x"), (1000, "工业用地")])
    space.add_lwpolyline([(550000, 3999990), (550200, 3999990)], dxfattribs={"layer": "DLSS"})
    document.saveas(path)


def test_outlines_that_cass_drew_are_parcels(tmp_path: Path) -> None:
    drawing(tmp_path / "总图.dxf", coded=False)
    found = look_at(tmp_path, crs="EPSG:4546")
    one = next(k for k in found.kin if k.table == "parcels")
    assert (one.look.raw.layer, one.confidence, found.complete) == ("JZD", "guess", False)
    assert '\n# columns.parcel = "feature"' in skeleton(found)
    drawing(tmp_path / "总图.dxf", coded=True)
    found, said = drafted(tmp_path, crs="EPSG:4546")
    assert [k.confidence for k in found.of("parcels")] == ["certain"] and found.complete
    source = said.tables["parcels"][0]
    assert (source.layer, source.columns["parcel"], source.crs) == ("JZD", "parcel", "EPSG:4546")


def test_outlines_of_a_drawing_do_not_unsettle_a_file_of_parcels(tmp_path: Path) -> None:
    drawing(tmp_path / "总图.dxf", coded=False)
    parcels().to_file(tmp_path / "x.gpkg", layer="dk")
    assert [k.look.file for k in look_at(tmp_path).of("parcels")] == ["x.gpkg"]


def test_models_of_networks(tmp_path: Path) -> None:
    """An EPANET model is water; a SWMM model drains rain, sewage or both, and nobody knows which."""
    parcels().to_file(tmp_path / "地块.gpkg")
    folder = shared("formats") / "inp"
    shutil.copy(folder / "ky4.inp", tmp_path / "a.inp")
    shutil.copy(folder / "bellinge_small.inp", tmp_path / "b.inp")
    _, said = drafted(tmp_path)
    assert {key: {s.file for s in found} for key, found in said.layers.items()} == {"water": {"a.inp"}}
    decides_nothing(said)


def test_heights_are_the_ground_where_no_grid_is(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    spots = gpd.GeoDataFrame(
        {"高程": [451.2, 452.0]}, geometry=gpd.points_from_xy([550000, 550100], [4e6, 4e6]), crs=4546
    )
    spots.to_file(tmp_path / "高程点.gpkg")
    found, said = drafted(tmp_path)
    assert said.ground is not None and said.ground.file == "高程点.gpkg" and said.ground.as_of is None
    assert dict(said.ground.columns) == {"height_m": "高程"} and "ground" not in {
        k.table for k in found.kin if not k.active
    }
    shutil.copy(GANTING / "dem.tif", tmp_path)
    elsewhere = dict(look_at(tmp_path).ground)
    assert set(elsewhere) == {"dem.tif"} and elsewhere["dem.tif"] != "", "it lies fifteen kilometres away"


def test_a_broken_file_costs_itself(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    (tmp_path / "给水.gpkg").write_bytes(b"SQLite format 3\x00" + b"\xff" * 500)
    (tmp_path / "笔记.md").write_text("x")
    found, said = drafted(tmp_path)
    unused = dict(found.unused)
    assert found.complete and set(unused) == {"给水.gpkg", "笔记.md"}
    assert len(unused["给水.gpkg"]) > 15 and "# 给水.gpkg: " in text_of(tmp_path)
    assert said.tables["parcels"][0].file == "地块.gpkg"


def test_every_suggestion_can_be_taken_up(tmp_path: Path) -> None:
    """Each line behind a # that says more than ``?`` or a date to be filled in is valid when it is taken."""
    parcels(用途=["工业用地", "某某用地", "M1"]).to_file(tmp_path / "地块.gpkg")
    kinds = {
        "类型": ["污水主管", "来水点", "阀", None],
        "状态": ["正常", None, "2", "现状"],
        "管径": [0.3, 0.4, 0.5, 0.6],
    }
    pipes(**kinds).to_file(tmp_path / "污水.gpkg")
    _, before = drafted(tmp_path)
    lines = text_of(tmp_path).split("\n")
    marked = [i for i, line in enumerate(lines) if re.match(r"# [a-z_]+(\.[^ ]+)? = ", line)]
    taken = 0
    for i in marked:
        if '"?"' in lines[i] or "年-月-日" in lines[i] or "none = true" in lines[i]:
            continue
        changed = [*lines[:i], lines[i][2:], *lines[i + 1 :]]
        (tmp_path / "zone.toml").write_text("\n".join(changed), encoding="utf-8")
        assert read_zone_file(tmp_path) != before, lines[i]
        taken += 1
    assert taken >= 6
    (tmp_path / "zone.toml").write_text(
        "\n".join(lines).replace("# [layer.gas]\n# none", "[layer.gas]\nnone"), encoding="utf-8"
    )
    assert read_zone_file(tmp_path).absent == {"gas"}
    (tmp_path / "zone.toml").write_text("\n".join(lines).replace("# data_date", "data_date"), encoding="utf-8")
    with pytest.raises(GisplanError, match="data_date"):
        read_zone_file(tmp_path)


def test_an_empty_sheet_costs_itself(tmp_path: Path) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    with pd.ExcelWriter(tmp_path / "资料.xlsx") as book:
        pd.DataFrame().to_excel(book, sheet_name="封面", index=False)
        works = {"工程编号": ["PT-1"], "工程名称": ["水厂"], "阶段": ["开工"], "计划完工": ["2027-01-31"]}
        pd.DataFrame(works).to_excel(book, sheet_name="配套工程", index=False)
    found, said = drafted(tmp_path)
    assert {name for name, _ in found.unused} == {"资料.xlsx:封面"}
    source = said.tables["works"][0]
    assert source.file == "资料.xlsx" and source.columns["planned_on"] == "计划完工"
    assert source.layer == "配套工程", "without it, the first sheet would be read"


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    layer, column, word = 'a"]\n[zone]\x7f#', '状态"] \n#\\', '现"\n= 状\u202e'
    parcels().to_file(tmp_path / '地块 "1" #.gpkg')
    pipes(**{column: [word, "现状", "现状", "现状"], "管径": [300] * 4}).to_file(tmp_path / "给水.gpkg", layer=layer)
    pipes().to_file(tmp_path / "给水.gpkg", layer="第二层", mode="a")
    parcels().to_file(tmp_path / "b.gpkg")
    (tmp_path / "b.gpkg").rename(tmp_path / "c\\d.gpkg")
    found, said = drafted(tmp_path)
    assert said.tables["parcels"][0].file == '地块 "1" #.gpkg'
    assert {s.layer for s in said.layers["water"]} == {layer, "第二层"}
    assert column in [s.columns.get("status") for s in said.layers["water"]]
    assert [name for name, _ in found.unused] == ["c\\d.gpkg"]
    faithful(found, said)
    assert all(line.isprintable() for line in text_of(tmp_path).split("\n"))


@settings(max_examples=200, deadline=None)
@given(st.text())
@example('"""\\\x00\x1f\x7f\u2028\u202e\U000e0001')
def test_any_text_survives_toml(text: str) -> None:
    kept = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert tomllib.loads(f"x = {quoted(text)}")["x"] == kept
    assert tomllib.loads(f"x.{quoted(text)} = 1 # {remark(text)}") == {"x": {kept: 1}}


def test_an_old_zone_file_is_never_lost(tmp_path: Path) -> None:
    (tmp_path / "zone.toml").write_text("one")
    with pytest.raises(ExportError, match="--force"):
        write_skeleton(tmp_path, "two", False, "en")
    assert text_of(tmp_path) == "one"
    assert write_skeleton(tmp_path, "two", True, "en") == tmp_path / "zone.toml.bak"
    assert write_skeleton(tmp_path, "three", True, "en") == tmp_path / "zone.toml.bak2"
    assert [(tmp_path / f"zone.toml{end}").read_text() for end in (".bak", ".bak2", "")] == ["one", "two", "three"]


def test_our_own_results_and_foreign_links_are_passed_over(tmp_path: Path) -> None:
    zone, out = tmp_path / "zone", tmp_path / "zone" / "out"
    out.mkdir(parents=True)
    for name in ("review.html", "run.json"):
        (out / name).write_text("{}")
    parcels().to_file(out / "地块.gpkg")
    parcels().to_file(tmp_path / "elsewhere.gpkg")
    (zone / "地块.gpkg").symlink_to(tmp_path / "elsewhere.gpkg")
    assert look_at(zone).kin == () and look_at(zone).unused == (("out/", "gisplan 自己的核查成果"),)


def test_results_in_the_folder_of_the_zone_hide_nothing_else(tmp_path: Path) -> None:
    """After a check that wrote beside the layers, only what it wrote is passed over, and that is said."""
    parcels().to_file(tmp_path / "地块.gpkg")
    pipes(状态=["现状"] * 4).to_file(tmp_path / "给水.gpkg")
    drafted(tmp_path)
    out = tmp_path.with_name(f"{tmp_path.name}_out")
    assert main(["check", str(tmp_path), "--out", str(out)]) in (0, 1)
    written = {path.name for path in out.iterdir()}
    shutil.copytree(out, tmp_path, dirs_exist_ok=True)
    found = look_at(tmp_path)
    assert [k.look.file for k in found.kin] == ["地块.gpkg", "给水.gpkg"] and found.complete
    assert written == RESULTS and len(found.unused) == 1
    assert all(name in found.unused[0][0] for name in written)


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        look_at(tmp_path / "none")
    for asked in ({"profile": "no_such"}, {"crs": "EPSG:0"}, {"crs": "EPSG:4490"}):
        with pytest.raises(GisplanError):
            look_at(tmp_path, **asked)


# ---------------------------------------------------------------------------------------------------- the command


def test_the_command_writes_and_says_what_comes_next(tmp_path: Path, capsys) -> None:
    parcels().to_file(tmp_path / "地块.gpkg")
    pipes().to_file(tmp_path / "给水.gpkg")
    assert main(["new", str(tmp_path), "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "Parcels" in said and "Water supply" in said and "gisplan check" in said and "Gas" in said
    assert main(["new", str(tmp_path)]) == 5
    assert "--force" in capsys.readouterr().err
    assert main(["new", str(tmp_path), "--force", "--profile", "santong"]) == 0
    assert "zone.toml.bak" in capsys.readouterr().out
    assert read_zone_file(tmp_path).profile == "santong"


def test_the_command_says_what_a_check_would_lack(tmp_path: Path, capsys) -> None:
    pipes().to_file(tmp_path / "给水.gpkg")
    assert main(["new", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "地块" in said and "障碍" not in said, "only what a check cannot do without"
    assert (tmp_path / "zone.toml").exists()
    assert main(["new", str(tmp_path / "none")]) == 3
