"""A toy zone for the map's tests: twelve parcels in three rows, and a line of each service in each street.

::

    +--+ +--+ +--+ +--+   y 360..510
    +--+ +--+ +--+ +--+   y 180..330      a street of 30 m between rows and columns
    +--+ +--+ +--+ +--+   y   0..150
"""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import pandas as pd
import shapely

from gisplan.faults.fault import COLUMNS, NUMBERS
from gisplan.judging.traces import Traced
from gisplan.outputs.tables import Tables

CRS = "EPSG:4546"
EAST, NORTH = 545_000.0, 3_997_000.0
SERVICES = [
    ("road", "道路", "Road", "LU", "路", "#6d6d6d", "lines"),
    ("water", "给水", "Water supply", "JS", "给", "#00a0e9", "lines"),
    ("storm", "雨水", "Storm drain", "YS", "雨", "#a0522d", "lines"),
    ("sewage", "污水", "Sewage", "WS", "污", "#6b3e1d", "lines"),
    ("power", "电力", "Power", "GD", "电", "#e60012", "lines"),
    ("telecom", "通信", "Telecom", "DX", "信", "#009944", "lines"),
    ("gas", "燃气", "Gas", "TR", "气", "#ff5fa2", "lines"),
    ("heat", "热力", "Heat", "RS", "热", "#f39800", "lines"),
    ("catv", "有线电视", "Cable TV", "GB", "视", "#1f7a5c", "lines"),
    ("leveling", "场地平整", "Levelling", "PZ", "平", "#8d6e63", "surface"),
]
KEYS = [row[0] for row in SERVICES]
GRADES = "AAAAABADUNBC"
Text = Callable[[str, str], str]


def plain(field: str, text: str) -> str:
    return text


def toy(text: Text = plain, crs: str | None = CRS, barriers: bool = True, ways: bool = False) -> Tables:
    """Make the toy tables; `text` may change any text, being given the field's name and the ordinary text."""
    parcels = _parcels(text, crs)
    readiness, cells = _answers(parcels, text)
    return Tables(
        about=_about(text),
        services=_services(text),
        parcels=parcels,
        readiness=readiness,
        cells=cells,
        findings=pd.DataFrame(columns=["parcel", "service", "condition", "value"]),
        gaps=_gaps(parcels, text, crs),
        issues=pd.DataFrame({"code": ["status"] * 3, "severity": ["warning", "warning", "info"]}),
        features=_features(text, crs),
        joins=_joins(text, crs),
        faults=_faults(text, crs),
        works=pd.DataFrame(),
        evidence=_evidence(parcels, text),
        limits=pd.DataFrame(),
        barriers=_barriers(text, crs) if barriers else None,
        traces=_Ways(crs) if ways else None,
    )


class _Ways:
    """The ways of the first parcel's water, and of the third's over something of which nobody knows."""

    def __init__(self, crs: str | None) -> None:
        self._crs = crs

    def of(self, parcels: pd.Index) -> Traced:
        def line(*xy: tuple[float, float]) -> shapely.LineString:
            return shapely.LineString([(EAST + x, NORTH + y) for x, y in xy])

        steps = {"service": "water", "feature": ["WATER-0", "WATER-0", "WATER-1"], "next": [1, 2, -1]}
        starts = {"parcel": parcels[[0, 2]], "service": "water", "step": [1, 0], "sure": [True, False]}
        return Traced(
            _frame(
                steps,
                [line((560, 156), (100, 156)), line((100, 156), (-20, 156)), line((-20, 156), (-20, 336), (-40, 110))],
                self._crs,
            ),
            _frame(starts, [line((100, 150), (100, 156)), line((560, 150), (560, 156))], self._crs),
        )


def _frame(columns: dict, geometry, crs: str | None) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs)


def _about(text: Text) -> dict:
    return {
        "title": {"zh": text("title", "甘亭示例园区（示例）"), "en": text("title_en", "Ganting sample zone (example)")},
        "invented": True,
        "disclaimer": {
            "zh": text("disclaimer", "本结果尚未核查容量与管底标高。"),
            "en": text("disclaimer_en", "Capacity and invert levels are not yet checked."),
        },
        "profile": {
            "id": "jiutong_classic",
            "version": "2026.11",
            "zh": text("profile", "九通一平"),
            "en": text("profile_en", "Nine connections and one levelling"),
        },
        "dates": {"data": "2026-10-15", "check": "2026-11-01"},
        "crs": {"code": "EPSG:4546", "name": text("crs", "CGCS2000 / 3-degree Gauss-Kruger CM 111E")},
        "version": "0.1.0",
        "notes": [
            {
                "zh": text("note", "给水：空白状态按图层声明作现状（截至 2026-09-30）"),
                "en": text("note_en", "Water supply: a blank status is taken as operating, as the layer declares"),
            }
        ],
    }


def _services(text: Text) -> pd.DataFrame:
    rows = {
        key: {
            "zh": text("service", zh),
            "en": text("service_en", en),
            "letter": text("letter", letter),
            "short": short,
            "colour": colour,
            "shape": shape,
            "need": "required",
        }
        for key, zh, en, letter, short, colour, shape in SERVICES
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("service")


def _parcels(text: Text, crs: str | None) -> gpd.GeoDataFrame:
    ids = [f"0100{i:02d}" for i in range(1, 13)]
    ids[0] = text("parcel", ids[0])
    corners = [(EAST + 230 * (i % 4), NORTH + 180 * (i // 4)) for i in range(12)]
    boxes = [shapely.box(x, y, x + 200, y + 150) for x, y in corners]
    # one with a hole, one of two parts, one that is not a rectangle
    boxes[5] = boxes[5].difference(shapely.box(EAST + 320, NORTH + 240, EAST + 350, NORTH + 270))
    boxes[6] = shapely.union_all(
        [
            boxes[6].intersection(shapely.box(EAST + 460, NORTH, EAST + 540, NORTH + 999)),
            boxes[6].intersection(shapely.box(EAST + 570, NORTH, EAST + 999, NORTH + 999)),
        ]
    )
    boxes[11] = shapely.Polygon([*list(boxes[11].exterior.coords)[1:3], (EAST + 690, NORTH + 430)])
    frame = _frame(
        {
            "name": [text("name", f"甘亭{i}号地") for i in range(1, 13)],
            "use": ["industrial", "industrial", "logistics", None] * 3,
            "sub_park": [text("sub_park", "绿色智造")] * 6 + ["数字经济"] * 6,
            "supply_status": ["offered", "reserved", "granted", None] * 3,
            "delivery_on": pd.to_datetime(["2027-06-30"] * 6 + [None] * 6),
            "promised": [None] * 11 + [text("promised", "七通一平")],
            "area_mu": [round(box.area / 2000 * 3, 2) for box in boxes],
            "owner_phone": ["13800000000"] * 12,
        },
        boxes,
        crs,
    )
    frame.index = pd.Index(ids, name="parcel")
    return frame


def _answers(parcels: gpd.GeoDataFrame, text: Text) -> tuple[pd.DataFrame, pd.DataFrame]:
    grades = {
        key: [("A" if p in (0, 4, 5) else GRADES[(p * (s + 1) + s) % len(GRADES)]) for p in range(12)]
        for s, key in enumerate(KEYS)
    }
    readiness = pd.DataFrame(grades, index=parcels.index)
    bad, unknown = readiness.isin(list("BCD")).any(axis=1), readiness.eq("U").any(axis=1)
    ready = pd.Series("yes", index=parcels.index).mask(unknown, "unknown").mask(bad, "no")
    readiness = pd.DataFrame(
        {
            "area_mu": parcels["area_mu"],
            "supply_status": parcels["supply_status"],
            "ready": ready,
            "ready_by_delivery": ready.mask(parcels["delivery_on"].isna(), "unknown"),
            "ready_on": pd.to_datetime([None, "2027-03-31"] * 6),
            "connected_count": readiness.eq("A").sum(axis=1),
            "required_count": 10 - readiness.eq("N").sum(axis=1),
        },
    ).join(readiness)
    rows = [
        {
            "parcel": parcel,
            "service": key,
            "grade": (grade := grades[key][i]),
            "need": "required",
            "code": "x",
            "verdict": {"A": "ready", "U": "unknown", "N": "not_applicable"}.get(grade, "gap"),
            "feature": text("feature", f"{key.upper()}-{i // 4}") if grade in "ABC" else None,
            "distance_m": 12.34 + i if grade in "ABC" else float("nan"),
            "path_m": 840.0 if grade in "ABC" else float("nan"),
            "source": text("source", f"{key}-源1") if grade in "ABC" else None,
            "works": text("works", "W-03 污水处理厂（示例）") if grade == "B" else None,
            "ready_on": pd.Timestamp("2027-03-31") if grade == "B" else pd.NaT,
            "reason_zh": text("reason", f"{zh}：最近的管线 12.3 m，已接到在用的源，等级 {grade}"),
            "reason_en": text(
                "reason_en", f"{en}: nearest main 12.3 m away, joined to a working source, grade {grade}"
            ),
        }
        for i, parcel in enumerate(parcels.index)
        for key, zh, en, *_ in SERVICES
    ]
    return readiness, pd.DataFrame(rows)


def _features(text: Text, crs: str | None) -> gpd.GeoDataFrame:
    states = ["operating", "built", "construction", "planned", "unknown", "abandoned", "closed"]
    labels = ["", "DN300", "d600", "d500", "10 kV", "", "DN160", "DN400", ""]
    rows, shapes = [], []
    for s, key in enumerate(KEYS[:9]):
        for street, y in enumerate((165, 345)):
            line = shapely.LineString([(EAST - 20, NORTH + y - 12 + 3 * s), (EAST + 920, NORTH + y - 12 + 3 * s)])
            state = states[(s * 2 + street) % 7] if s > 2 else "operating"
            rows.append(
                [
                    key,
                    text("feature", f"{key.upper()}-{street}"),
                    "line",
                    None,
                    state,
                    text("label", labels[s]),
                    text("works", "W-03") if state != "operating" else None,
                    text("feature_name", "主干线"),
                ]
            )
            shapes.append(line)
        rows.append(
            [
                key,
                f"{key}-源1",
                "outfall" if key == "storm" else "source",
                text("kind", "water_plant"),
                "construction" if key == "sewage" else "operating",
                "",
                None,
                text("feature_name", "厂站（示例）"),
            ]
        )
        shapes.append(shapely.Point(EAST - 40, NORTH + 60 + 50 * s))
    for role, state, x in (
        ("stub", "operating", 100),
        ("valve", "closed", 300),
        ("manhole", "operating", 500),
        ("hydrant", "operating", 700),
    ):
        rows.append(["water", f"P-{role}", role, None, state, "", None, ""])
        shapes.append(shapely.Point(EAST + x, NORTH + 156))
    names = ["service", "feature", "role", "kind", "state", "label", "works", "name"]
    return _frame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), shapes, crs)


def _gaps(parcels: gpd.GeoDataFrame, text: Text, crs: str | None) -> gpd.GeoDataFrame:
    x, y = EAST + 230, NORTH
    return _frame(
        {
            "parcel": [parcels.index[1], parcels.index[2]],
            "service": ["sewage", "gas"],
            "grade": ["D", "C"],
            "length_m": [40.0, float("nan")],
            "from_feature": [text("feature", "SEWAGE-0"), None],
            "responsible_zh": [text("responsible", "排水单位")] * 2,
            "responsible_en": ["drainage unit"] * 2,
            "unit_price_cny": [1800.0, float("nan")],
            "estimate_cny": [72000.0, float("nan")],
            "basis": ["assumed", "assumed"],
            "reason_zh": ["距最近干管 40 m"] * 2,
            "reason_en": ["nearest main 40 m away"] * 2,
        },
        [shapely.LineString([(x + 100, y + 150), (x + 100, y + 162)]), None],
        crs,
    )


def _evidence(parcels: gpd.GeoDataFrame, text: Text) -> pd.DataFrame:
    """Three papers: one on an answer, one on a whole parcel that has expired, one on a plant."""
    return pd.DataFrame(
        {
            "parcel": [parcels.index[1], parcels.index[1], None],
            "feature": [None, None, "water-源1"],
            "service": ["water", None, "water"],
            "issuer": [text("issuer", "供水公司（示例）")] * 3,
            "number": [text("number", "函1号")] * 3,
            "date": pd.to_datetime(["2026-06-01", "2025-01-01", "2026-01-01"]),
            "expires": pd.to_datetime(["2027-06-01", "2026-01-01", None]),
            "says": ["connected", None, "operating"],
            "capacity": [500.0, float("nan"), 9000.0],
            "capacity_unit": ["m3/d", None, "m3/d"],
            "note": ["owner 13800000000"] * 3,
            "file": ["secret.csv"] * 3,
        }
    )


def _joins(text: Text, crs: str | None) -> gpd.GeoDataFrame:
    """Three guessed joins: one that land hangs on, one that is doubtful, one that the planner has undone."""
    return _frame(
        {
            "id": [text("join", "J-aaaaaaaaaa"), "J-bbbbbbbbbb", "J-cccccccccc"],
            "service": ["water", "sewage", "water"],
            "feature": [text("feature", "WATER-0"), "SEWAGE-1", "WATER-1"],
            "other": ["WATER-2", "", "WATER-0"],
            "kind": ["end_end", "end_side", "end_end"],
            "gap_m": [0.21, 0.4, 0.3],
            "doubt": ["", text("doubt", "crowded"), ""],
            "undone": [False, False, True],
            "hanging_parcels": [2.0, 3.0, float("nan")],
            "hanging_mu": [90.0, 112.5, float("nan")],
        },
        shapely.points([[EAST + 195, NORTH + 156], [EAST + 425, NORTH + 342], [EAST + 650, NORTH + 336]]),
        crs,
    )


# code, severity, layer, cause, stranded parcels and mu, what mending it alone brings, repair and build [m], where
FAULTS = [
    ("break_drawing", "error", "sewage", "drawing", 4, 180.0, 180.0, 0.4, 212.0, [(-20.4, 162), (-20, 162)]),
    ("break_missing", "error", "water", "missing", 3, 135.0, 90.0, None, 380.0, [(912, 158), (912, 538)]),
    ("break_valve", "error", "water", "valve", 2, 90.0, 90.0, 0.0, 0.0, [(300, 156)]),
    ("break_flow", "warning", "storm", "flow", 1, 45.0, 0.0, 0.0, 0.0, [(440, 159)]),
    ("break_status", "warning", "power", "status", 1, 44.9, 44.9, None, None, [(210, 165), (216, 165)]),
    ("near_miss", "warning", "gas", "", 1, 30.0, 30.0, 1.8, 1.8, [(452, 171), (453.8, 171)]),
    ("near_miss", "warning", "heat", "", None, None, None, 2.5, 2.5, [(680, 174), (682.5, 174)]),
    ("line_twice", "warning", "telecom", "", None, None, None, None, None, [(430, 168), (660, 168)]),
    ("dangle_edge", "info", "telecom", "", None, None, None, None, None, [(920, 168)]),
    ("parcel_overlap", "error", "parcels", "", None, None, None, None, None, [(195, 0), (200, 0), (200, 150)]),
    ("joined", "info", "water", "", None, None, None, None, None, [(195, 156)]),
]


def _faults(text: Text, crs: str | None) -> gpd.GeoDataFrame:
    rows = []
    for i, (code, severity, layer, cause, *land, repair, build, _) in enumerate(FAULTS):
        numbers = dict(zip(("stranded_parcels", "stranded_mu", "alone_mu"), land, strict=True))
        rows.append(
            {
                "id": text("fault", f"F-{i}"), "code": code, "severity": severity, "layer": layer,
                "feature": text("feature", f"{layer.upper()}-0"), "other": text("feature", f"{layer.upper()}-9"),
                "cause": cause, "gap_m": repair, "repair_m": repair, "build_m": build, **numbers,
                "hanging_parcels": None, "hanging_mu": None,
                "message_zh": text("message", f"{code}：这里断开，影响 {land[1]} 亩"),
                "message_en": text("message_en", f"{code}: broken here, {land[1]} mu at stake"),
                "hint_zh": text("hint", "核对现场后改图。"), "hint_en": text("hint_en", "Look, then mend the drawing."),
            }
        )  # fmt: skip
    shapes = [[(EAST + x, NORTH + y) for x, y in where] for *_, where in FAULTS]
    kinds = (shapely.Point, shapely.LineString, shapely.Polygon)
    drawn = [kinds[len(where) - 1](where[0] if len(where) == 1 else where) for where in shapes]
    table = pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, float))
    return _frame({name: table[name] for name in COLUMNS if name != "geometry"}, drawn, crs)


def _barriers(text: Text, crs: str | None) -> gpd.GeoDataFrame:
    rail = shapely.LineString([(EAST - 60, NORTH + 520), (EAST + 930, NORTH + 545)])
    river = shapely.box(EAST - 130, NORTH - 40, EAST - 90, NORTH + 560)
    return _frame(
        {
            "feature": ["B-1", "B-2"],
            "kind": ["rail", "river"],
            "name": [text("barrier", "某铁路（示例）"), "某河（示例）"],
        },
        [rail, river],
        crs,
    )
