"""Sentence: what the grant contract says of a parcel, 场地平整达到__；周围基础设施达到__通, as it is today."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gisplan.base.labels import Label, label
from gisplan.rules.profile import Profile

_NUMERALS = "零一二三四五六七八九十"


def sentences(profile: Profile, cells: pd.DataFrame) -> pd.DataFrame:
    """Write the sentence for every parcel, in both languages.

    A connection (通) counts where all that it is made of works today; what is decided not to be needed does not count.

    Returns
    -------
    pandas.DataFrame
        ``connections`` (how many), ``sentence_zh``, ``sentence_en``; a row a parcel.
    """
    services = profile.services
    grade = cells["grade"].to_numpy(dtype=object).reshape(-1, len(services))
    groups: dict[str, list[int]] = {}
    for i, service in enumerate(services):
        if service.shape == "lines":
            groups.setdefault(service.group, []).append(i)
    there = np.zeros((len(grade), len(groups)), dtype=bool)  # a profile may have the levelling alone
    for i, mine in enumerate(groups.values()):
        there[:, i] = (grade[:, mine] == "A").all(axis=1)
    surface = [i for i, service in enumerate(services) if service.shape == "surface"]
    site = grade[:, surface[0]] if surface else np.full(len(grade), "U", dtype=object)
    names = [_name(profile, mine) for mine in groups.values()]
    # There are few ways to be connected: each sentence is written once.
    key = pd.Series([f"{s}{''.join('1' if t else '0' for t in row)}" for s, row in zip(site, there, strict=True)])
    written = {k: _write(k, names) for k in key.unique()}
    return pd.DataFrame(
        {
            "connections": there.sum(axis=1),
            "sentence_zh": key.map({k: v.zh for k, v in written.items()}).to_numpy(dtype=object),
            "sentence_en": key.map({k: v.en for k, v in written.items()}).to_numpy(dtype=object),
        }
    )


def _name(profile: Profile, mine: list[int]) -> Label:
    labels = [profile.services[i].label for i in mine]
    return Label("、".join(one.zh for one in labels), " + ".join(one.en.lower() for one in labels))


def _write(key: str, names: list[Label]) -> Label:
    have = [name for name, there in zip(names, key[1:], strict=True) if there == "1"]
    level, form = label(f"land.site.{key[0]}"), label("land.contract" if have else "land.contract_none")
    count = _NUMERALS[len(have)] if len(have) < len(_NUMERALS) else str(len(have))
    return Label(
        form.zh.format(level=level.zh, count=count, of=len(names), names="、".join(n.zh for n in have)),
        form.en.format(level=level.en, count=len(have), of=len(names), names=", ".join(n.en for n in have)),
    )
