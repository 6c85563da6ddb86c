"""The land's own tables: what is read of them, and what of them is not believed."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from gisplan.base.errors import LayerError, ProfileError
from gisplan.reading.survey import Survey, from_frames
from tests.sketch import CRS, parcel


def survey(uses: tuple[str | None, ...] = ("M2",), classes: Any = None, **tables: Any) -> Survey:
    rows = [{"parcel": f"P{i}", "use": use} for i, use in enumerate(uses, 1)]
    shapes = [parcel(i * 200, 0, i * 200 + 100, 100) for i in range(len(uses))]
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry=shapes, crs=CRS)
    if classes is not None:
        frame["用地细类"] = classes
    return from_frames(frame, {}, profile="jiutong_connection", lang="en", **tables)


def codes(found: Survey) -> set[str]:
    return {issue.code for issue in found.issues}


def test_land_use_has_one_class_for_three_standards() -> None:
    """GB 50137 M2 and W1, 用地用海 100102 and 1001, GB/T 21010 0601, words, and several that agree or do not."""
    words = {
        "M2": "M2", "100102": "M2", "二类工业用地": "M2", "M2 二类工业用地": "M2", "1001 工业用地": "M", "0601": "M",
        "工业用地（M3）": "M3", "W1": "W", "1101": "W", "M1/M2": None, "M2 某地": None, "M4": None,
    }  # fmt: skip
    found = survey(tuple(words)).parcels["use_class"]
    assert [None if pd.isna(c) else c for c in found] == list(words.values())


def test_a_class_of_its_own_refines_the_use_and_never_contradicts_it() -> None:
    found = survey(("工业用地", "M1", "W", None), classes=["二类工业用地", "M2", None, "M3"])
    assert [None if pd.isna(c) else c for c in found.parcels["use_class"]] == ["M2", None, "W", "M3"]
    assert "use_class_conflict" in codes(found)


def test_projects_have_their_columns_and_impossible_amounts_are_unknown() -> None:
    table = pd.DataFrame(
        {"项目编号": ["X1", "X2"], "地块编号": ["P1", "P9"], "用电容量(MVA)": [3, "?"], "用水量": [900, -1],
         "双电源": ["是", None], "项目库": ["签约", "待定"], "用地时间": ["2027-03-31", None]}
    )  # fmt: skip
    found = survey(projects=table)
    one = found.projects.loc["X1"]
    assert (one["parcel"], one["power_kva"], one["water_m3_d"], one["library"]) == ("P1", 3000.0, 900.0, "signed")
    assert one["dual_supply"] and one["needed_on"] == pd.Timestamp("2027-03-31")
    assert found.projects.loc["X2", ["water_m3_d", "library", "dual_supply"]].isna().all()
    assert {"amount_negative", "record_parcel_missing", "word_unknown"} <= codes(found)
    assert survey().projects.empty


def test_a_project_stands_once() -> None:
    with pytest.raises(LayerError, match="X1"):
        survey(projects=pd.DataFrame({"project": ["X1", "X1"]}))


def test_papers_say_until_when_or_for_good() -> None:
    rows = pd.DataFrame(
        {"parcel": "P1", "事项": "权属清晰", "结果": ["已完成", "进行中", "大概"], "出具单位": ["某局", "—", "无"],
         "有效期至": ["长期", "2027-01-01", "看情况"]}
    )  # fmt: skip
    table = survey(netland=rows).dossier.netland
    assert list(table["result"].fillna("?")) == ["passed", "pending", "?"]
    assert list(table["issuer"].fillna("?")) == ["某局", "?", "?"]
    assert list(table["long_term"].fillna(False)) == [True, False, False]
    assert table["expires"].isna().tolist() == [True, False, True]


def test_what_was_looked_at_is_said_in_words_that_are_known() -> None:
    drawn = gpd.GeoDataFrame({"类型": ["永久基本农田", "别的"]}, geometry=[parcel(0, 0, 9, 9)] * 2, crs=CRS)
    found = survey(constraints=drawn, defaults={"constraints": {"checked": ["生态保护红线", "heritage"]}}).dossier
    assert found.checked == {"ecological", "heritage"}
    assert found.constraints is not None
    assert list(found.constraints["kind"].fillna("?")) == ["farmland", "?"]
    with pytest.raises(ProfileError, match="checked"):
        survey(constraints=drawn, defaults={"constraints": {"checked": ["别的"]}})
