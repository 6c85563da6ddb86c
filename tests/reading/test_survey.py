"""Folders from end to end: each flaw ends in one sentence with file and cure, or in a listed issue."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal
from small_zone import CRS, HEAD, WATER, codes, found, parcels, pipes, points

import gisplan.reading
from gisplan.base.errors import GisplanError, LayerError, MissingColumn, MissingCRS, ProfileError, ReadError
from gisplan.base.labels import codes as label_codes
from gisplan.reading.survey import from_frames, read_folder

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("GISPLAN_SHARED") or ROOT.parent / "shared")


def refused(folder, kind, *wanted, **said):
    with pytest.raises(kind) as error:
        read_folder(folder, lang="en", **said)
    text = str(error.value)
    assert isinstance(error.value, GisplanError) and str(folder) not in text
    for word in wanted:
        assert word in text
    return text


# --------------------------------------------------------------------------------------- the list of things gone wrong


def test_a_layer_file_that_is_not_there(zone):
    named = zone(WATER + '[layer.gas]\nfile = "gas.gpkg"\n')
    refused(named, ReadError, "[layer.gas]", "gas.gpkg", "take the entry out")
    refused(zone(WATER + "[layer.gas]\n"), ReadError, "[layer.gas]", "file =")


def test_no_parcels(zone):
    refused(zone(WATER, parcels=None), LayerError, "[parcels]", "file =")


def test_an_empty_layer(zone):
    refused(zone(WATER, water=pipes().iloc[:0]), LayerError, "water.gpkg", "no features", "none = true")
    refused(zone(WATER, parcels=parcels().iloc[:0]), LayerError, "parcels.gpkg", "no features")


def test_a_layer_without_crs(zone):
    folder = zone(WATER, water=None)
    with pytest.warns(UserWarning, match="crs"):
        pipes().set_crs(None, allow_override=True).to_file(folder / "water.gpkg")
    refused(folder, MissingCRS, "water.gpkg", '[layer.water]: crs = "EPSG:4546"')


def test_an_unknown_column(zone):
    refused(zone(WATER + 'columns = { feature = "nr" }\n'), MissingColumn, "water.gpkg", "nr", "feature, role")
    assert "columns_unused" in codes(read_folder(zone(WATER, water=pipes(odd=["a", "b"]))))


def test_an_unknown_status_word(zone):
    survey = read_folder(zone(water=pipes(status=["现状", "待查"])), lang="en")
    (issue,) = found(survey, "word_unknown")
    assert (issue.severity, issue.file, issue.layer) == ("warning", "water.gpkg", "water")
    assert "待查 ×1" in issue.message and "values = { status = {" in issue.hint
    assert survey.layers["water"].status.isna().tolist() == [False, True]


def test_a_parcel_id_twice(zone):
    refused(zone(WATER, parcels=parcels(["P1", "P2", "P1"])), LayerError, "parcels.gpkg", "P1", "[parcels]")


def test_a_bad_toml_value(zone):
    refused(zone("[layer.water]\nstatus = '现役'\n"), ProfileError, "zone.toml:7", "现役", "operating")


def test_no_folder_no_zone_file(tmp_path):
    refused(tmp_path, ReadError, "zone.toml")
    refused(tmp_path / "nowhere", ReadError, "nowhere")


def test_a_service_that_no_profile_has(zone):
    refused(zone("[layer.watre]\nfile = 'water.gpkg'\n"), ProfileError, "zone.toml:6", "watre", "nearest: water")


def test_a_service_that_only_this_profile_lacks(zone):
    folder = zone(WATER + "[layer.gas]\nnone = true\n")
    text = '[profile]\nid = "own"\nversion = "1"\nlabel = "本区"\n[service.water]\nlabel = "给水"\nshape = "lines"\n'
    (folder / "own.toml").write_text(text, encoding="utf-8")
    survey = read_folder(folder, profile="own.toml")
    assert survey.profile.id == "own" and "gas" not in survey.absent and found(survey, "service_unused")
    assert read_folder(folder).absent == {"gas"}


def test_a_profile_that_is_not_there(zone):
    refused(zone(WATER), ProfileError, "shitong", "jiutong_classic", profile="shitong")


@pytest.mark.parametrize(
    "name", ["../secret.gpkg", "/etc/passwd", "https://example.org/a.gpkg", "/vsizip/a.zip", "GeoJSON:a", "a\\\\b.gpkg"]
)
def test_only_files_of_the_folder(zone, name):
    folder = zone(f'[layer.water]\nfile = "{name}"\n')
    (folder.parent / "secret.gpkg").write_bytes(b"x")
    refused(folder, GisplanError, "[layer.water]")


def test_a_link_out_of_the_folder(zone, tmp_path):
    folder = zone(WATER, water=None)
    pipes().to_file(tmp_path / "elsewhere.gpkg")
    try:
        (folder / "water.gpkg").symlink_to(tmp_path / "elsewhere.gpkg")
    except OSError:
        pytest.skip("this system makes no links")
    refused(folder, ReadError, "water.gpkg", "outside")


def test_two_files_of_one_name(zone):
    folder = zone(WATER)
    pipes().to_file(folder / "water.geojson")
    refused(folder, ReadError, "water.geojson, water.gpkg", "[layer.water]")


# ------------------------------------------------------------------------------------------------------- what is read


def test_a_folder_from_end_to_end(zone):
    folder = zone(WATER + 'snap = "0.2 m"\n[barriers]\nnone = true\n[layer.catv]\nnone = true\n')
    said: list[str] = []
    survey = read_folder(folder, progress=said.append)
    assert survey.title.zh == "测试区" and survey.crs.to_epsg() == 4546 and str(survey.date) == "2026-11-01"
    assert survey.folder == folder.resolve() and survey.profile.id == "jiutong_classic"
    assert (
        list(survey.layers) == ["water"]
        and survey.absent == {"catv"}
        and (survey.layers["water"]["snap_m"] == 0.2).all()
    )
    assert survey.barriers is not None and survey.barriers.empty and survey.ground is None
    assert said == ["parcels.gpkg", "water.gpkg"]
    assert set(survey.inputs) == {"zone.toml", "parcels.gpkg", "water.gpkg"}
    digest = hashlib.sha256((folder / "water.gpkg").read_bytes()).hexdigest()
    assert survey.inputs["water.gpkg"] == digest


def test_files_are_found_by_name(zone):
    folder = zone()
    pipes().drop(columns=["role", "diameter_mm"]).to_file(folder / "GAS.shp")
    points(["源"]).to_file(folder / "power.geojson")
    survey = read_folder(folder)
    assert list(survey.layers) == ["water", "power", "gas"]
    assert {"GAS.shp", "GAS.dbf", "GAS.shx", "GAS.prj"} <= set(survey.inputs)
    assert not found(survey, "file_unused")


def test_all_layers_of_a_file_unless_one_is_named(zone):
    folder = zone(WATER)
    points(["接口"]).to_file(folder / "water.gpkg", layer="nodes")
    assert len(read_folder(folder).layers["water"]) == 3
    folder = zone(WATER + 'layer = "water"\n')
    points(["接口"]).to_file(folder / "water.gpkg", layer="nodes")
    assert len(read_folder(folder).layers["water"]) == 2


def test_several_sources_for_one_service(zone):
    text = (
        '[[layer.water]]\nfile = "water.gpkg"\nlayer = "water"\nstatus = "现状"\n'
        '[[layer.water]]\nfile = "stubs.gpkg"\nrole = "接口"\nstatus = "规划"\nset = { name = "接口" }\n'
    )
    folder = zone(text, stubs=points([None]))
    layer = read_folder(folder).layers["water"]
    assert layer.role.tolist() == ["line", "line", "stub"]
    assert layer.status.tolist() == ["operating", "operating", "planned"]
    assert layer["file"].tolist() == ["water.gpkg", "water.gpkg", "stubs.gpkg"] and layer.name.tolist()[2] == "接口"


def test_files_that_nobody_asked_for(zone):
    folder = zone(WATER)
    (folder / "firms.csv").write_text("a\n1\n")
    (folder / "README.md").write_text("x")
    (folder / ".hidden").write_text("x")
    assert [i.file for i in found(read_folder(folder), "file_unused")] == ["firms.csv"]


def test_an_own_profile_is_an_input(zone):
    head = HEAD.replace("[zone]\n", '[zone]\nprofile = "own.toml"\n')
    folder = zone(WATER, head=head)
    text = '[profile]\nid = "own"\nversion = "1"\nlabel = "本区"\nextends = "santong"\n'
    (folder / "own.toml").write_text(text, encoding="utf-8")
    survey = read_folder(folder)
    assert survey.profile.id == "own" and "own.toml" in survey.inputs


def test_a_tenth_connection_is_a_profile_entry_and_a_file(zone):
    head = HEAD.replace("[zone]\n", '[zone]\nprofile = "own.toml"\n')
    folder = zone('[layer.reclaimed]\nstatus = "现状"\n', head=head, water=None, reclaimed=pipes())
    text = (
        '[profile]\nid = "own"\nversion = "1"\nlabel = "本区"\nextends = "jiutong_classic"\n'
        '[service.reclaimed]\nlabel = { zh = "再生水", en = "Reclaimed water" }\nshape = "lines"\n'
    )
    (folder / "own.toml").write_text(text, encoding="utf-8")
    assert list(read_folder(folder).layers) == ["reclaimed"]


def test_frames_are_cleaned_as_files_are(zone):
    frame = pipes(status=["规划", None], open=["开", "怪"])
    by_file = read_folder(zone(WATER, water=frame))
    by_frame = from_frames(
        parcels().set_index("parcel"),
        {"water": frame.set_index("feature")},
        crs=CRS,
        place={"box": [111.54, 36.08, 111.74, 36.26]},
        defaults={"water": {"status": "现状", "as_of": "2026-01-31"}},
    )
    for one, other in ((by_file.parcels, by_frame.parcels), (by_file.layers["water"], by_frame.layers["water"])):
        assert_frame_equal(one.drop(columns="file"), other.drop(columns="file"))
    assert codes(by_file) == codes(by_frame)


def test_what_frames_may_say():
    with pytest.raises(LayerError, match="crs"):
        from_frames(parcels().set_crs(None, allow_override=True), {}, lang="en")
    with pytest.raises(ProfileError, match="magic"):
        from_frames(parcels(), {"magic": pipes()})
    with pytest.raises(ProfileError, match="gas"):
        from_frames(parcels(), {"water": pipes()}, defaults={"gas": {}}, lang="en")
    with pytest.raises(ProfileError, match="barriers"):
        from_frames(parcels(), {}, barriers="some", lang="en")
    survey = from_frames(parcels(), {}, date="2026-11-01", absent=["catv"], title="x", invented=True)
    assert (str(survey.date), survey.absent, survey.title.en, survey.invented) == ("2026-11-01", {"catv"}, "x", True)
    assert survey.layers == {} and survey.folder is None and survey.inputs == {}


def test_frames_that_are_handed_in_stay_as_they_were():
    frame, land = pipes(status=["规划", None]), parcels()
    before = frame.copy(), land.copy()
    from_frames(land, {"water": frame}, defaults={"water": {"status": "现状"}})
    assert_frame_equal(frame, before[0])
    assert_frame_equal(land, before[1])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_issues_speak_the_language_that_is_asked_for(zone, lang):
    (issue,) = found(read_folder(zone(water=pipes(status=["现状", "待查"])), lang=lang), "word_unknown")
    assert ("看不懂" in issue.message) == (lang == "zh") and ("not understood" in issue.message) == (lang == "en")


def test_reading_twice_gives_the_same(zone):
    folder = zone(WATER)
    one, other = read_folder(folder), read_folder(folder)
    assert_frame_equal(one.parcels, other.parcels)
    assert (one.issues, one.notes, one.inputs) == (other.issues, other.notes, other.inputs)


def test_every_flaw_has_its_word():
    """Reasons are put together from a stem; each one that geometry.py and layers.py can give has its sentence."""
    names = set()
    for path in Path(gisplan.reading.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                stem = node.value.split("_")[0]
                if stem in ("geometry", "role", "evidence") and "_" in node.value and " " not in node.value:
                    names.add(node.value)
    names -= {"role_text", "evidence_feature_missing", "evidence_parcel_missing"}
    assert len(names) > 12
    assert [n for n in sorted(names) if not {f"flaw.{n}", f"issue.{n}"} & set(label_codes())] == []


# -------------------------------------------------------------------------------------------------------- real samples


def test_the_embedded_zone():
    folder = ROOT / "layers" / "ganting"
    if not (folder / "zone.toml").exists():
        pytest.skip("layers/ganting is not made yet")
    survey = read_folder(folder)
    services = ["road", "water", "storm", "sewage", "power", "telecom", "gas", "heat", "catv"]
    assert survey.invented and list(survey.layers) == services
    assert len(survey.parcels) > 100 and not survey.works.empty and not survey.evidence.empty
    assert survey.barriers is not None and survey.ground is not None
    assert not [i for i in survey.issues if i.severity == "error"]


@pytest.mark.skipif(not SHARED.exists() and os.environ.get("CI") != "true", reason="the shared samples are not here")
def test_sant_boi(tmp_path):
    shutil.copy(ROOT / "tests" / "santboi" / "zone.toml", tmp_path)
    for name in ("santboi.gpkg", "dem_5m.tif"):
        shutil.copy(SHARED / "data" / "santboi" / name, tmp_path)
    survey = read_folder(tmp_path)
    assert (len(survey.parcels), list(survey.layers)) == (258, ["road", "water", "sewage"])
    assert {k: len(v) for k, v in survey.layers.items()} == {
        "road": 26,
        "water": 269 + 478 + 238 + 477,
        "sewage": 206 + 708 + 196 + 471,
    }
    water, sewage = survey.layers["water"], survey.layers["sewage"]
    assert water.role.value_counts().to_dict() == {
        "lateral": 478, "stub": 477, "line": 269, "joint": 179, "valve": 45, "source": 6, "hydrant": 6, "pump": 2,
    }  # fmt: skip
    assert water[water.role == "line"].status.value_counts().to_dict() == {
        "operating": 261,
        "abandoned": 5,
        "planned": 3,
    }
    assert sewage[sewage.role == "line"].status.value_counts().to_dict() == {
        "operating": 193,
        "planned": 7,
        "abandoned": 6,
    }
    assert sewage.kind.dropna().tolist().count("treatment_plant") == 1
    assert (sewage[sewage.role.isin(["line", "lateral"])].flow == "forward").all()
    assert set(sewage[sewage.role == "line"].system) == {"combined"}
    assert sewage.diameter_mm.dropna().between(100, 2000).all() and survey.ground.cell_m == pytest.approx(5.0)
    assert survey.doubts == frozenset() and not survey.blockers_lost
    assert "word_unknown" not in codes(survey) and "set_aside" not in codes(survey)
