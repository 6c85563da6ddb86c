"""Every entry of every shipped profile, and one sentence for everything that a profile may get wrong."""

from __future__ import annotations

import re

import pytest

from gisplan.base.errors import ProfileError
from gisplan.base.fields import vocabulary
from gisplan.base.units import quantity
from gisplan.rules.profile import BASES, Profile, load, measures, named, shipped

NINE = ["road", "water", "storm", "sewage", "power", "telecom", "gas", "heat", "catv"]
CHINESE = re.compile("[\u4e00-\u9fff]")
COLOUR = re.compile("#[0-9a-fA-F]{6}")
PROFILES = shipped()
ENTRIES = [(name, c) for name in PROFILES for c in load(name).conditions]
SERVICES = [(name, s) for name in PROFILES for s in load(name).services]


def ids(pairs):
    return [f"{name}-{getattr(entry, 'id', getattr(entry, 'key', ''))}" for name, entry in pairs]


def test_the_shipped_profiles():
    assert {"jiutong_classic", "qitong", "wutong", "santong"} <= set(PROFILES)
    assert len(PROFILES) >= 5, "and one city that extends"


def test_the_default_requires_nine_and_one():
    classic = load("jiutong_classic")
    assert [s.key for s in classic.services] == [*NINE, "leveling"]
    assert {s.need for s in classic.services} == {"required"}


@pytest.mark.parametrize(("name", "count"), [("qitong", 7), ("wutong", 5), ("santong", 3)])
def test_the_shorter_lists_count_what_they_are_named_for(name, count):
    required = {s.group for s in load(name).services if s.need == "required" and s.shape == "lines"}
    assert len(required) == count


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_by_what_a_grant_plan_calls_it(name):
    profile = load(name)
    for text in (profile.id, profile.label.zh, profile.label.en, f" {profile.label.zh} "):
        assert named(text).id == profile.id


@pytest.mark.parametrize(("name", "service"), SERVICES, ids=ids(SERVICES))
def test_every_service_is_whole(name, service):
    assert CHINESE.search(service.label.zh) and service.label.en.isascii()
    assert CHINESE.search(service.responsible.zh) and service.responsible.en
    assert COLOUR.fullmatch(service.colour)
    assert re.fullmatch("[A-Z]{2}", service.letter)
    assert len(service.short) == 1
    assert service.conditions
    if service.shape == "lines":
        assert service.sources and set(service.sources) <= set(vocabulary("kind").values())
        assert service.condition("reach") is not None and service.condition("path") is not None
        assert service.price is not None and service.price.unit == "CNY/m" and service.price_basis == "assumed"


@pytest.mark.parametrize("name", PROFILES)
def test_names_and_letters_are_used_once(name):
    profile = load(name)
    for values in (
        [s.key for s in profile.services],
        [s.letter for s in profile.services],
        [s.short for s in profile.services],
        [s.colour for s in profile.services],
        [c.id for c in profile.conditions],
    ):
        assert len(values) == len(set(values)), values


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=ids(ENTRIES))
def test_every_condition_is_whole(name, entry):
    profile: Profile = load(name)
    assert entry.id.startswith(f"{entry.service}.")
    assert measures()[entry.measure.name] == entry.measure
    assert CHINESE.search(entry.label.zh) and entry.label.en.isascii() and entry.label.en
    assert entry.basis in BASES
    if entry.basis == "code":
        assert entry.code in profile.codes
        assert entry.clause, "a clause is a text, or ? until a person has checked it"
        assert CHINESE.search(profile.codes[entry.code].zh) and profile.codes[entry.code].en
    else:
        assert not entry.code and not entry.clause
    if entry.limit.unit:
        assert entry.limit.unit == entry.measure.unit
        assert quantity(f"1 {entry.measure.unit}", "test").unit == entry.measure.unit
        assert entry.limit.low <= entry.limit.high
    else:
        assert not entry.measure.unit
    assert entry.limit.text


@pytest.mark.parametrize("name", PROFILES)
def test_every_cited_code_is_listed_and_every_listed_code_cited(name):
    profile = load(name)
    assert {c.code for c in profile.conditions if c.code} == set(profile.codes)


def test_every_measure_is_in_both_languages_and_has_a_known_unit():
    for measure in measures().values():
        assert CHINESE.search(measure.label.zh) and measure.label.en.isascii()
        assert not measure.unit or quantity(f"1 {measure.unit}", "test").unit == measure.unit


GOOD = """
[profile]
id = "mine"
version = "1"
extends = "jiutong_classic"
label = { zh = "我的", en = "mine" }
"""
NEW = """
[service.reclaimed]
label = { zh = "再生水", en = "Reclaimed water" }
shape = "lines"
[[service.reclaimed.condition]]
id = "reclaimed.reach"
label = { zh = "到达", en = "reaches" }
measure = "distance"
basis = "assumed"
at_most = "50 m"
"""
WIDE = NEW.replace('"distance"', '"width"')
BAD = {
    "no number": ('snap = "near"', "snap"),
    "number without unit": ("snap = 0.5", "unit"),
    "unit of another kind": ('snap = "1 kV"', "snap"),
    "unknown unit": ('snap = "1 furlong"', "furlong"),
    "unknown key": ('tolerance = "1 m"', "tolerance"),
    "not TOML": ("snap = = 1", "TOML"),
    "unknown base": ('extends = "nowhere"', "nowhere"),
    "unknown table": ("[servis.water]", "servis"),
    "unknown shape": ('[service.water]\nshape = "blob"', "blob"),
    "unknown flow": ('[service.water]\nflow = "uphill"', "uphill"),
    "unknown need": ('[service.water]\nneed = "maybe"', "maybe"),
    "unknown crossings": ('[service.water]\ncrossings = "swim"', "swim"),
    "unknown source": ('[service.water]\nsources = ["well"]', "well"),
    "unknown entry of a service": ('[service.water]\ncolor = "#ffffff"', "color"),
    "price in metres": ('[service.water]\nprice = { value = "3 m" }', "price"),
    "basis of a price": ('[service.water]\nprice = { value = "3 CNY/m", basis = "hearsay" }', "hearsay"),
    "service with an odd name": ('[service."再生水"]\nlabel = "x"\nshape = "lines"', "再生水"),
    "service without a shape": ('[service.reclaimed]\nlabel = "x"', "shape"),
    "unknown measure": (NEW.replace('"distance"', '"smell"'), "smell"),
    "unknown basis": (NEW.replace('"assumed"', '"hearsay"'), "hearsay"),
    "unknown weight": (NEW + 'weight = "heavy"', "heavy"),
    "no limit": (NEW.replace('at_most = "50 m"', ""), "reclaimed.reach"),
    "two limits": (NEW + 'at_least = "1 m"', "at_least"),
    "limit in another unit": (NEW.replace('"50 m"', '"50 mm"'), "at_most"),
    "limit without unit": (NEW.replace('"50 m"', "50"), "50"),
    "size by land use": (WIDE.replace('at_most = "50 m"', "by_use = { industrial = ['1 m', '2 m'] }"), "ground"),
    "distance without a largest value": (NEW.replace("at_most", "at_least"), "at_most"),
    "range the wrong way round": (WIDE.replace('at_most = "50 m"', 'between = ["9 m", "1 m"]'), "smaller"),
    "range of one": (WIDE.replace('at_most = "50 m"', 'between = ["9 m"]'), "two amounts"),
    "holds for a number": (NEW.replace('at_most = "50 m"', "holds = true"), "holds"),
    "class that is none": (
        NEW.replace('"distance"', '"medium"').replace('at_most = "50 m"', 'one_of = ["ice"]'),
        "ice",
    ),
    "limit for a yes or no": (NEW.replace('"distance"', '"connected"'), "one_of or holds"),
    "use that is none": (NEW.replace('at_most = "50 m"', "by_use = { castle = ['1 m', '2 m'] }"), "castle"),
    "code not listed": (NEW.replace('"assumed"', '"code"') + 'cite = { code = "GB 0" }', "GB 0"),
    "no citation": (NEW.replace('"assumed"', '"code"'), "cite.code"),
    "condition without id": (NEW.replace('id = "reclaimed.reach"', ""), "id"),
    "profile is a text": ("", "", 'profile = "x"'),
    "service is a text": ("", "", '[profile]\nid="x"\nversion="1"\nlabel="x"\n[service]\nwater = "x"'),
    "profile without version": ("", "version", '[profile]\nid = "x"\nlabel = "x"\n' + NEW),
    "no services": ("", "service", '[profile]\nid = "x"\nlabel = "x"\nversion = "1"\n'),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_answered_in_one_sentence(tmp_path, case):
    addition, mentions, *whole = BAD[case]
    text = whole[0] if whole else GOOD + addition
    if addition.startswith("extends"):
        text = text.replace('extends = "jiutong_classic"\n', "")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load("mine.toml", tmp_path)
    sentence = str(caught.value)
    assert "mine.toml" in sentence or "profile" in sentence
    assert mentions in sentence
    assert "\n" not in sentence.strip() or case == "not TOML"
    assert sentence.rstrip().endswith(".")


def test_a_tenth_connection_is_an_entry_and_nothing_else(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD + NEW, encoding="utf-8")
    profile = load("mine.toml", tmp_path)
    assert profile.service("reclaimed").label.zh == "再生水"
    assert profile.service("reclaimed").condition("reach").limit.high == 50
    assert len(profile.services) == 11


def test_an_extending_profile_changes_only_what_it_names(tmp_path):
    change = '[[service.water.condition]]\nid = "water.reach"\nat_most = "80 m"\n'
    (tmp_path / "mine.toml").write_text(GOOD + change, encoding="utf-8")
    mine, classic = load("mine.toml", tmp_path), load("jiutong_classic")
    changed = {c.id for c, d in zip(mine.conditions, classic.conditions, strict=True) if c != d}
    assert changed == {"water.reach"}
    assert mine.service("water").condition("reach").limit.high == 80


def test_a_profile_that_extends_itself_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD.replace("jiutong_classic", "mine.toml"), encoding="utf-8")
    with pytest.raises(ProfileError, match="extends"):
        load("mine.toml", tmp_path)


@pytest.mark.parametrize("name", ["../secret.toml", "/etc/passwd", "a/b.toml", "nothing", "C:\\x.toml"])
def test_a_profile_is_a_name_or_a_file_in_the_zone_and_nothing_else(tmp_path, name):
    with pytest.raises(ProfileError):
        load(name, tmp_path)


def test_a_profile_in_another_encoding_is_answered(tmp_path):
    (tmp_path / "mine.toml").write_bytes(GOOD.encode("gb18030"))
    with pytest.raises(ProfileError, match="UTF-8"):
        load("mine.toml", tmp_path)


def test_an_unknown_service_names_those_there_are():
    with pytest.raises(ProfileError, match="sewage"):
        load("jiutong_classic").service("reclaimed")


@pytest.mark.parametrize("name", ["sewage", "污水", "Sewerage", "sewerage", "WS", "污"])
def test_a_service_is_found_by_any_of_its_names(name):
    assert load("jiutong_classic").service(name).key == "sewage"
