"""The embedded zone written as pipe surveys, in every way that such tables come, gives the same grades."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import access_file
import numpy as np
import pandas as pd
import shapely
from rewriting import CONNECTION, GANTING, copy, grades

import gisplan

CODES = {
    "water": "JS", "storm": "YS", "sewage": "WS", "power": "GD", "telecom": "DX", "gas": "RQ", "heat": "RS",
    "catv": "GB",
}  # fmt: skip
SIGN = {"forward": "+", "reverse": "-", "both": "双向"}
STATUS = {
    "operating": "现状", "built": "已建未投运", "construction": "在建", "planned": "规划", "abandoned": "废弃",
}  # fmt: skip
OWN = ("works", "role", "open", "close_on", "pressure_class", "voltage_kv", "medium", "capacity", "capacity_unit")


def tables(zone: gisplan.Zone, service: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write a layer as a surveyor would: a point wherever lines bend, end or meet, and a row from each to the next.

    Where lines meet is what the zone's network says; what takes no part in it gets points of its own.
    """
    layer, network = zone.layers[service], zone.network(service)
    declared = {supply.id for supply in zone_file().supply}
    shapes = np.asarray(layer.geometry.array)
    is_line = shapely.get_type_id(shapes) == 1
    joined = network.joined
    places = Places(CODES[service], joined.xy)
    rows: list[dict[str, object]] = []
    for u, v, row, path in zip(joined.u, joined.v, network.row, joined.piece(np.arange(len(joined.u))), strict=True):
        rows += places.chain(path.coords, (int(u), int(v)), said(layer, int(row)))
    for row in np.flatnonzero(is_line & ~np.isin(np.arange(len(layer)), network.row)):
        rows += places.chain(shapes[row].coords, (None, None), said(layer, int(row)))
    drawn = (
        dict(zip(network.names.rows[-len(joined.point_joint) :].tolist(), joined.point_joint.tolist(), strict=True))
        if len(joined.point_joint)
        else {}
    )
    for row in np.flatnonzero(~is_line):
        if layer.index[row] in declared:
            continue
        number = places.number(drawn.get(int(row)), shapes[row].coords[0])
        kind, role = layer["kind"].iloc[row], layer["role"].iloc[row]
        what = kind if role in ("source", "outfall") and isinstance(kind, str) else role
        places.stand(number, {**said(layer, int(row)), "附属物": what, "role": ""})
    return pd.DataFrame(rows).drop(columns="附属物", errors="ignore"), places.table()


def said(layer: pd.DataFrame, row: int) -> dict[str, object]:
    entry = layer.iloc[row]
    size, flow, status = entry["diameter_mm"], entry["flow"], entry["status"]
    out: dict[str, object] = {
        "原编号": str(layer.index[row]),
        "使用状态": STATUS.get(str(status), ""),
        "管径": f"DN{size:g}" if size == size else "",
        "流向": SIGN.get(str(flow), ""),
    }
    for name in OWN:
        value = entry[name]
        out[name] = "" if pd.isna(value) else value.date().isoformat() if name == "close_on" else str(value)
    out["open"] = "？" if entry["open_unknown"] else {"True": "开", "False": "关"}.get(str(out["open"]), "")
    return out


class Places:
    """Gives points their numbers, and writes the point table."""

    def __init__(self, code: str, joints: np.ndarray) -> None:
        self.code, self.joints = code, joints
        self.at: dict[str, tuple[float, float]] = {}
        self.standing: list[tuple[str, dict[str, object]]] = []

    def number(self, joint: int | None, spot: tuple[float, float]) -> str:
        number = f"{self.code}{len(self.at):05d}" if joint is None else f"{self.code}J{joint:05d}"
        self.at[number] = spot if joint is None else tuple(self.joints[joint])
        return number

    def chain(self, path: object, ends: tuple[int | None, int | None], words: dict[str, object]) -> list[dict]:
        spots = list(path)  # type: ignore[call-overload]
        inner = [self.number(None, spot) for spot in spots[1:-1]]
        numbers = [self.number(ends[0], spots[0]), *inner, self.number(ends[1], spots[-1])]
        return [{"起点点号": a, "终点点号": b, **words} for a, b in pairwise(numbers)]

    def stand(self, number: str, words: dict[str, object]) -> None:
        self.standing.append((number, words))

    def table(self) -> pd.DataFrame:
        taken = {number for number, _ in self.standing}
        plain = [(number, {"原编号": number}) for number in self.at if number not in taken]
        rows = [
            {"管线点号": n, "X": repr(float(self.at[n][1])), "Y": repr(float(self.at[n][0])), **words}
            for n, words in [*plain, *self.standing]
        ]
        return pd.DataFrame(rows).fillna("")


def zone_file():
    from gisplan.reading.zone_file import read_zone_file

    return read_zone_file(GANTING)


def write(folder: Path, name: str, pair: tuple[pd.DataFrame, pd.DataFrame], how: str) -> str:
    """Write one survey; give what zone.toml says of the file."""
    lines, points = pair
    if how == "csv":
        lines.to_csv(folder / f"{name}_line.csv", index=False, encoding="gb18030")
        points.to_csv(folder / f"{name}_point.csv", index=False, encoding="utf-8")
        return f'file = "{name}_line.csv"\npoints = "{name}_point.csv"'
    if how == "xlsx":
        path = folder / "管线普查.xlsx"
        with pd.ExcelWriter(path, engine="openpyxl", mode="a" if path.exists() else "w") as book:
            points.to_excel(book, sheet_name=f"{name}_POINT", index=False)
            lines.to_excel(book, sheet_name=f"{name}_LINE", index=False)
        return f'file = "{path.name}"\nlayer = "{name}"'
    access_file.write(folder / f"{name}.mdb", {f"{name}Point": points, f"{name}Line": lines})
    return f'file = "{name}.mdb"'


HOW = {
    "sewage": "csv", "storm": "csv", "telecom": "csv",
    "water": "xlsx", "gas": "xlsx", "heat": "xlsx",
    "power": "mdb", "catv": "mdb",
}  # fmt: skip


def without(text: str, keys: object) -> str:
    """Take the sources of services out of a zone.toml."""
    blocks = re.split(r"\n(?=\[)", text)
    gone = re.compile(rf"\[+layer\.({'|'.join(keys)})(\.values)?\]")  # type: ignore[call-overload]
    return "\n".join(block for block in blocks if not gone.match(block))


JUDGE = """
import sys
import gisplan
cells = gisplan.check(gisplan.read(sys.argv[1], sys.argv[3])).cells
cells.set_index(["parcel", "service"])["grade"].sort_index().to_csv(sys.argv[2])
"""


def grades_elsewhere(folder: Path, path: str) -> pd.Series:
    """Judge in a process of its own: what reads files may already be running here, with another PATH."""
    out = folder.parent / "grades.csv"
    subprocess.run([sys.executable, "-c", JUDGE, folder, out, CONNECTION], env={**os.environ, "PATH": path}, check=True)
    return pd.read_csv(out, dtype="str").set_index(["parcel", "service"])["grade"]


def test_surveys_give_the_same_grades(tmp_path):
    expected = grades(GANTING)
    path = access_file.programs(tmp_path / "bin")
    zone = gisplan.read(GANTING)
    folder = copy(tmp_path / "zone", [f"{key}*.*" for key in HOW])
    text = without((GANTING / "zone.toml").read_text(encoding="utf-8"), HOW)
    for key, how in HOW.items():
        said_of_it = write(folder, CODES[key], tables(zone, key), how)
        text += f'\n[layer.{key}]\n{said_of_it}\ncrs = "EPSG:4546"\ncolumns = {{ feature = "原编号" }}\n'
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    found = grades_elsewhere(folder, path)
    assert found.index.equals(expected.index) and len(found) == 1660
    assert expected[found != expected].to_dict() == {}
