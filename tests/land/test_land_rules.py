"""Rules of land: what every zone starts from, and what a profile may lay over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gisplan.base.errors import ProfileError
from gisplan.rules.land import LandRules
from gisplan.rules.profile import load, shipped


def rules(folder: Path, text: str) -> LandRules:
    (folder / "own.toml").write_text(
        f'[profile]\nid = "own"\nversion = "1"\nlabel = "own"\nextends = "santong"\n{text}', encoding="utf-8"
    )
    return load("own.toml", folder).land


def test_every_shipped_profile_has_the_rules_with_a_basis_and_a_clause() -> None:
    for name in shipped():
        for rule in load(name).land.rules.values():
            assert rule.basis in ("code", "assumed") and bool(rule.code) == (rule.basis == "code")
            assert rule.clause or rule.basis == "assumed"
            assert rule.label.zh and rule.label.en


def test_the_national_indicators_of_2023_are_of_no_clause_that_anybody_checked() -> None:
    found = load("jiutong_classic").land
    for key, low, high in (("building_factor_min_pct", 40.0, float("inf")), ("green_max_pct", float("-inf"), 20.0)):
        rule = found.get("indicator", key)
        assert rule is not None
        assert (rule.low, rule.high, rule.code, rule.clause) == (low, high, "自然资发〔2023〕72号", "?")


def test_a_new_limit_takes_nothing_from_what_the_old_one_was_based_on(tmp_path: Path) -> None:
    text = '[land.indicator.building_factor_min_pct]\nat_least = "45 %"\nbasis = "local"\ncite = { code = "某文" }\n'
    rule = rules(tmp_path, text).get("indicator", "building_factor_min_pct")
    assert rule is not None
    assert (rule.low, rule.basis, rule.code, rule.clause, rule.label.en[:5]) == (45.0, "local", "某文", "", "Least")
    with pytest.raises(ProfileError, match="basis"):
        rules(tmp_path, '[land.indicator.building_factor_min_pct]\nat_least = "45 %"\n')


def test_a_row_is_left_out_or_only_warns(tmp_path: Path) -> None:
    text = '[land.assessment.heritage]\nweight = "off"\n[land.assessment.energy]\nweight = "warn"\n'
    found = rules(tmp_path, text)
    assert found.get("assessment", "heritage") is None
    energy = found.get("assessment", "energy")
    assert energy is not None and energy.weight == "warn" and energy.code == "国办发〔2019〕11号"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[land.assessment.astrology]\nbasis = "assumed"\nlabel = "x"\n', "astrology"),
        ('[land.soil.x]\nbasis = "assumed"\nlabel = "x"\n', "known groups"),
        ('[land.net.title]\nat_most = "1 m"\nbasis = "assumed"\n', "one limit at most"),
        ('[land.overlap.farmland]\nat_most = "1 m"\nbasis = "assumed"\n', "m2"),
        ('[land.net.title]\nweight = "maybe"\n', "weight"),
        ('[land.net.title]\nbasis = "code"\ncite = { code = "GB 0" }\n', "GB 0"),
        ('[land]\nuses = ["M9"]\n', "uses"),
        ('[land.corridor.x]\nservice = "gas"\nlabel = "x"\nbasis = "assumed"\n', "each_side"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(tmp_path: Path, text: str, says: Any) -> None:
    with pytest.raises(ProfileError, match=says):
        rules(tmp_path, text)
