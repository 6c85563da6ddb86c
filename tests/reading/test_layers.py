"""From raw to clean: what the engine may rely on, and what is set aside by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from small_zone import WATER, X, Y, codes, found, line, parcels, pipes, point, points, square

from gisplan.base.errors import LayerError, MissingColumn
from gisplan.base.fields import fields
from gisplan.reading.survey import from_frames, read_folder

STATUS = {"water": {"status": "现状"}}


def survey_of(layer, parcels_=None, **said):
    return from_frames(parcels_ if parcels_ is not None else parcels(), {"water": layer}, lang="en", **said)


def water(layer, **defaults):
    return survey_of(layer, defaults={"water": {"status": "现状", **defaults}})


def endless(x: float) -> shapely.LineString:
    with np.errstate(invalid="ignore"):
        return shapely.LineString([(X, Y), (x, Y)])


# ----------------------------------------------------------------------------------------------------------- parcels


def test_the_parcels_have_every_column_of_the_contract():
    survey = survey_of(pipes())
    frame = survey.parcels
    assert frame.index.name == "parcel" and frame.index.tolist() == ["P1", "P2", "P3"]
    wanted = [*(c for c in fields("parcels") if c != "parcel"), "use_text", "doubt", "doubt_code", "area_m2", "area_mu"]
    assert set(wanted) <= set(frame.columns)
    assert frame.area_m2.tolist() == pytest.approx([10_000.0] * 3) and frame.area_mu.tolist() == pytest.approx(
        [15.0] * 3
    )
    assert frame.doubt.tolist() == [False] * 3


def test_a_layer_has_every_column_of_the_contract_and_stable_types():
    for frame in (water(pipes()).layers["water"], water(points(["阀门", "接口"])).layers["water"]):
        kinds = {"text": "str", "code": "str", "number": "float64", "date": "datetime64[s]", "flag": "boolean"}
        for name, entry in fields("layer").items():
            if entry.type != "id":
                assert str(frame[name].dtype) == kinds[entry.type], name
        assert str(frame["open_unknown"].dtype) == "bool" and frame.index.name == "feature"


@pytest.mark.parametrize("ids", [["P1", "P1", "P2"], ["P1", None, "P2"], ["P1", "  ", "P2"]])
def test_parcel_numbers_are_unique_and_not_blank(zone, ids):
    with pytest.raises(LayerError, match=r"parcels\.gpkg.*(P1|rows 2).*\[parcels\]"):
        read_folder(zone(WATER, parcels=parcels(ids)), lang="en")


def test_parcels_need_a_number(zone):
    frame = parcels().rename(columns={"parcel": "nr"})
    with pytest.raises(MissingColumn, match=r"parcels\.gpkg.*nr.*columns = \{ parcel ="):
        read_folder(zone(WATER, parcels=frame), lang="en")
    assert len(read_folder(zone(WATER + '[parcels]\ncolumns = { parcel = "nr" }\n', parcels=frame)).parcels) == 3


@pytest.mark.parametrize("name", ["DKBH", "地块编号", " dkbh ", "ｄｋｂｈ"])
def test_columns_are_known_by_their_other_names(name):
    assert survey_of(pipes(), parcels().rename(columns={"parcel": name})).parcels.index.tolist() == ["P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("shape", "code", "empty"),
    [
        (None, "geometry_null", True),
        (shapely.Polygon(), "geometry_empty", True),
        (shapely.Point(X, Y), "geometry_kind", True),
        (shapely.Polygon([(X, Y), (X + 9, Y + 9), (X + 9, Y), (X, Y + 9)]), "geometry_repair", False),
        (shapely.Polygon([(X, Y), (X + 9, Y), (X + 18, Y), (X, Y)]), "geometry_repair", True),
    ],
)
def test_a_parcel_whose_line_cannot_be_trusted_is_in_doubt(shape, code, empty):
    frame = parcels()
    frame.loc[1, "geometry"] = shape
    survey = survey_of(pipes(), frame)
    assert survey.parcels.doubt.tolist() == [False, True, False]
    assert survey.parcels.doubt_code.iloc[1] == code
    assert survey.parcels.geometry.iloc[1].is_empty == empty and survey.blockers_lost == empty
    (issue,) = found(survey, "parcel_doubt")
    assert issue.feature == "P2" and issue.severity == "warning"


def test_a_coordinate_that_is_no_number_puts_the_parcel_in_doubt():
    frame = parcels()
    with np.errstate(invalid="ignore"):
        frame.loc[1, "geometry"] = shapely.Polygon([(X, Y), (X + 9, np.inf), (X + 9, Y)])
    survey = survey_of(pipes(), frame)
    assert survey.parcels.doubt_code.iloc[1] == "geometry_infinite" and survey.parcels.geometry.iloc[1].is_empty


def test_a_repair_that_changes_nothing_is_made_and_said():
    frame = parcels()
    # A spike without area: invalid, but no square metre depends on how it is mended.
    spike = [(0, 0), (100, 0), (100, 100), (50, 100), (50, 150), (50, 100), (0, 100)]
    frame.loc[1, "geometry"] = shapely.Polygon([(X + x, Y + y) for x, y in spike])
    survey = survey_of(pipes(), frame)
    assert not survey.parcels.doubt.any() and survey.parcels.geometry.is_valid.all()
    assert survey.parcels.area_m2.iloc[1] == pytest.approx(10_000.0)
    assert found(survey, "parcel_repaired")[0].action == "repaired"


def test_a_land_use_is_a_code_or_unknown():
    survey = survey_of(pipes(), parcels(use=["M1", "太空港", None]))
    assert survey.parcels.use.tolist()[0] == "industrial" and survey.parcels.use.isna().tolist() == [False, True, True]
    assert survey.parcels.use_text.tolist()[:2] == ["M1", "太空港"]
    (issue,) = found(survey, "word_unknown")
    assert "太空港 ×1" in issue.message and "use" in issue.hint


def test_the_county_is_kept_for_the_checks_of_the_land():
    survey = survey_of(pipes(), parcels(county_code=["141024", "141099", None]), place={"county": ["141024"]})
    assert survey.county == ("141024",) and survey_of(pipes(), parcels()).county == ()
    assert survey.parcels.county_code.tolist()[:2] == ["141024", "141099"] and survey.parcels.county_code.isna().iloc[2]


# ----------------------------------------------------------------------------------------------------------- services


def test_a_line_is_a_main_unless_said_otherwise():
    assert water(pipes().drop(columns="role")).layers["water"].role.tolist() == ["line", "line"]
    assert water(pipes().drop(columns="role"), role="支管").layers["water"].role.tolist() == ["lateral", "lateral"]


def test_a_line_without_a_role_among_rows_that_have_one_may_be_anything_and_is_named():
    survey = water(pipes(role=["管线", None]))
    assert survey.layers["water"].status.isna().tolist() == [False, True]
    (told,) = found(survey, "role_nameless")
    assert told.severity == "warning" and "W2" in told.message and "W1" not in told.message
    assert found(water(pipes(role=["管线", None]), role="管线"), "role_nameless") == []


def test_points_need_a_role():
    survey = water(pd.concat([pipes(), points([None, "接口", "火星"])]))
    assert survey.layers["water"].role.tolist() == ["line", "line", "stub"]
    assert [(i.feature, i.code) for i in found(survey, "set_aside")] == [("N0", "set_aside"), ("N2", "set_aside")]
    assert water(points([None]), role="接口").layers["water"].role.tolist() == ["stub"]


def test_a_role_that_does_not_go_with_the_shape_is_set_aside():
    frame = pd.concat([pipes(role=["阀门", "管线"]), points(["管线"])])
    assert water(frame).layers["water"].index.tolist() == ["W2"]


def test_numbers_words_and_days():
    frame = pipes(
        diameter_mm=["ＤＮ３００", "-9999"],
        status=[" 已建 ", "已建　"],
        close_on=["2027年1月1日", None],
        open=["常开", "关"],
    )
    layer = survey_of(frame).layers["water"]
    assert layer.diameter_mm.tolist()[0] == 300.0 and np.isnan(layer.diameter_mm.iloc[1])
    assert layer.status.tolist() == ["operating", "operating"] and layer.status_text.tolist() == [" 已建 ", "已建　"]
    assert layer.close_on.iloc[0] == pd.Timestamp("2027-01-01") and layer.open.tolist() == [True, False]


def test_a_number_that_is_not_understood_is_missing_and_listed():
    survey = water(pipes(diameter_mm=["300×200", "DN200"]))
    assert survey.layers["water"].diameter_mm.isna().tolist() == [True, False]
    assert "300×200 ×1" in found(survey, "number_unclear")[0].message


def test_units_that_are_not_ours():
    layer = water(pipes(diameter_mm=[0.3, 0.0]), units={"diameter_mm": "m"}).layers["water"]
    assert layer.diameter_mm.iloc[0] == pytest.approx(300.0) and np.isnan(layer.diameter_mm.iloc[1])


def test_a_blank_status_is_unknown_without_a_declared_default():
    survey = survey_of(pipes(status=["现状", None]))
    assert survey.layers["water"].status.isna().tolist() == [False, True]
    assert "status_blank" in codes(survey) and "status =" in found(survey, "status_blank")[0].hint


def test_a_declared_default_fills_blanks_and_is_said():
    survey = survey_of(pipes(status=["规划", None]), defaults={"water": {"status": "现状", "as_of": "2026-01-31"}})
    assert survey.layers["water"].status.tolist() == ["planned", "operating"]
    (issue,) = found(survey, "default_status")
    assert issue.action == "declared" and "2026-01-31" in issue.message
    assert any("2026-01-31" in note.zh and "现状" in note.zh for note in survey.notes)


def test_a_status_word_that_is_not_known_stays_unknown_whatever_is_declared():
    survey = water(pipes(status=["待查", None]))
    assert survey.layers["water"].status.isna().tolist() == [True, False]
    assert "待查 ×1" in found(survey, "word_unknown")[0].message


def test_the_zone_may_teach_words():
    layer = water(pipes(status=["1", "0"]), values={"status": {"1": "现状", "0": "废弃"}}).layers["water"]
    assert layer.status.tolist() == ["operating", "abandoned"]


def test_one_column_may_serve_two_of_ours():
    frame = points(["WWTP", "MANHOLE"])
    survey = water(
        frame,
        columns={"kind": "role", "role": "role"},
        values={"role": {"WWTP": "源", "MANHOLE": "检查井"}, "kind": {"WWTP": "污水处理厂"}},
    )
    layer = survey.layers["water"]
    assert layer.role.tolist() == ["source", "manhole"] and layer.kind.tolist()[0] == "treatment_plant"
    assert "word_unknown" not in codes(survey), "only the kind of a source matters"


def test_the_kind_of_a_source_that_is_not_known_is_listed():
    survey = water(pd.concat([pipes(), points(["源"], kind=["怪兽"])]))
    assert "怪兽 ×1" in found(survey, "word_unknown")[0].message


def test_constants():
    layer = water(pipes(), set={"system": "合流"}).layers["water"]
    assert layer.system.tolist() == ["combined", "combined"]


def test_a_named_column_that_is_not_there(zone):
    text = WATER + 'columns = { diameter_mm = "口径" }\n'
    with pytest.raises(MissingColumn, match=r"water\.gpkg.*\[layer\.water\].*口径.*feature, role, diameter_mm"):
        read_folder(zone(text), lang="en")


def test_columns_that_nobody_uses_are_listed():
    survey = water(pipes(owner_phone=["1", "2"]))
    assert any("owner_phone" in i.message for i in found(survey, "columns_unused"))
    assert "owner_phone" not in survey.layers["water"].columns


def test_flow_as_drawn():
    frame = pipes(flow=["-", None])
    assert water(frame).layers["water"].flow.tolist()[0] == "reverse"
    assert pd.isna(water(frame).layers["water"].flow.iloc[1])
    survey = water(frame, flow="digitised")
    assert survey.layers["water"].flow.tolist() == ["reverse", "forward"] and "default_flow" in codes(survey)
    unclear = water(pipes(flow=["歪", None]), flow="digitised").layers["water"].flow
    assert unclear.isna().tolist() == [True, False]


def test_multiparts_are_taken_apart():
    frame = pipes()
    frame.loc[0, "geometry"] = shapely.MultiLineString([[(X, Y), (X + 9, Y)], [(X + 9, Y), (X + 9, Y + 5)]])
    nested = shapely.GeometryCollection([shapely.MultiPoint([(X, Y), (X, Y + 1)]), line((0, 0), (0, 9))])
    frame.loc[1, "geometry"] = nested
    layer = water(frame, values={}).layers["water"]
    lines = layer[layer.role == "line"]
    assert lines.index.tolist() == ["W1", "W1", "W2"] and lines.part.tolist()[:2] == [0, 1]
    assert lines.geometry.length.tolist() == [9.0, 5.0, 9.0]


@pytest.mark.parametrize(
    "shape",
    [
        None,
        shapely.LineString(),
        shapely.LineString([(X, Y), (X, Y)]),
        endless(np.nan),
        endless(np.inf),
        square(0, 0),
    ],
)
def test_a_shape_that_is_no_line_costs_its_feature(shape):
    frame = pipes()
    frame.loc[0, "geometry"] = shape
    survey = water(frame)
    assert survey.layers["water"].index.tolist() == ["W2"]
    (issue,) = found(survey, "set_aside")
    assert issue.feature == "W1" and issue.action == "set aside" and issue.layer == "" and issue.file == "water"


def test_a_layer_of_which_nothing_is_left_is_refused():
    with pytest.raises(LayerError, match="not one feature"):
        water(points([None, None]))


def test_ids_may_repeat_or_lack():
    survey = water(pipes(feature=["W1", "W1"]))
    assert survey.layers["water"].index.tolist() == ["W1", "W1"]
    survey = water(pipes(feature=["W1", None]))
    assert survey.layers["water"].index.tolist() == ["W1", "#1"] and "feature_blank" in codes(survey)


def test_ids_are_text_to_the_last_digit(zone):
    survey = read_folder(zone(WATER, water=pipes(feature=["0100010010010000001", "1100010010010000031"])))
    assert survey.layers["water"].index.tolist() == ["0100010010010000001", "1100010010010000031"]


def test_ids_that_are_decimals_are_refused(zone):
    with pytest.raises(LayerError, match=r"water\.gpkg.*feature.*as text"):
        read_folder(zone(WATER, water=pipes(feature=[1.0, 2.0])), lang="en")
    with pytest.raises(LayerError, match="lost digits"):
        read_folder(zone(WATER, parcels=parcels([1.1e18, 2.0, 3.0])), lang="en")


# ------------------------------------------------------------------------------------------- what may never look better


def test_a_closing_day_that_is_not_understood_makes_the_status_unknown():
    survey = water(pipes(close_on=["05/03/2024", None]))
    assert survey.layers["water"].status.isna().tolist() == [True, False]
    assert found(survey, "date_unclear") and "W1" in found(survey, "maybe_closed")[0].message


def test_a_line_that_may_be_closed_has_no_status():
    layer = water(pipes(open=["半开", None])).layers["water"]
    assert layer.open_unknown.tolist() == [True, False] and layer.status.isna().tolist() == [True, False]


def test_a_valve_that_may_be_closed_keeps_its_place():
    layer = water(pd.concat([pipes(), points(["阀门"], open=["锈死"])])).layers["water"]
    assert layer.open_unknown.tolist() == [False, False, True] and layer.open.isna().all()
    assert layer.status.tolist() == ["operating"] * 3


@pytest.mark.parametrize(
    ("role", "word", "doubt"),
    [
        ("阀门", "关", True), ("阀门", None, True), ("阀门", "锈死", True), ("阀门", "开", False),
        ("怪", None, True), ("怪", "开", False), ("接口", None, False), (None, "关", True), (None, None, False),
    ],
)  # fmt: skip
def test_a_lost_valve_puts_its_service_in_doubt(role, word, doubt):
    frame = pd.concat([pipes(), points([role, "接口"], open=[word, None])], ignore_index=True)
    frame.loc[2, "geometry"] = None
    survey = water(frame)
    assert survey.doubts == (frozenset({"water"}) if doubt else frozenset())


def test_a_declared_open_counts_for_lost_valves_too():
    frame = pd.concat([pipes(), points(["阀门"])], ignore_index=True)
    frame.loc[2, "geometry"] = None
    assert water(frame, open="开").doubts == frozenset()


def test_blank_valves_are_noted():
    survey = water(pd.concat([pipes(), points(["阀门"])]))
    assert "1 valves" in found(survey, "open_blank")[0].message
    assert any("open" in note.en for note in survey.notes)


# ----------------------------------------------------------------------------------------------------------- barriers


def barrier(shape, **columns):
    frame = points(["x"]).drop(columns="role").assign(kind=["铁路"], **columns)
    frame.loc[0, "geometry"] = shape
    return frame


def test_barriers_are_given_none_or_not_known():
    assert survey_of(pipes()).barriers is None
    assert survey_of(pipes(), barriers="none").barriers.empty
    given = survey_of(pipes(), barriers=barrier(line((0, 0), (9, 0)))).barriers
    assert given.index.tolist() == ["N0"] and given.kind.tolist() == ["rail"]


def test_a_barrier_that_is_lost_is_remembered():
    frame = pd.concat([barrier(line((0, 0), (9, 0))), barrier(None)], ignore_index=True)
    survey = survey_of(pipes(), barriers=frame)
    assert len(survey.barriers) == 1 and survey.blockers_lost


def test_mending_a_barrier_opens_no_way():
    crossed = shapely.Polygon([(X, Y), (X + 9, Y + 9), (X + 9, Y), (X, Y + 9)])
    kept = survey_of(pipes(), barriers=barrier(crossed)).barriers.geometry.iloc[0]
    assert kept.is_valid and kept.distance(shapely.boundary(crossed)) == 0.0
    assert kept.intersects(point(8.9, 4)) and kept.intersects(line((4.5, 4.4), (4.5, 4.6)))
