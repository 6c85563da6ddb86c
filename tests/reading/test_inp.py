"""Network models become zones whose networks are what wntr reports of the same files."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import networkx as nx
import pandas as pd
import pytest
import shapely
from shared_data import shared
from small_zone import CRS, X, Y

import gisplan
from gisplan.base.errors import FormatError, LayerError
from gisplan.base.issues import Book
from gisplan.reading.formats import inp
from gisplan.reading.formats.raw import RawLayer, Request

SUPPLIES = 'values = { kind = { reservoir = "water_plant", tank = "booster_station" } }\n'
RUNNING = """
[layer.water.values]
kind = { reservoir = "water_plant", tank = "booster_station" }
open = { "pump off" = "open", "closed by control" = "open" }
"""

SMALL = """\
[TITLE]
; a small one
[JUNCTIONS]
;ID   Elev
J1    10      ; with a remark
"J 2" 10
J3    10
J4    10
[RESERVOIRS]
R     50
[PIPES]
P1  R     J1    100  12  100  0  Open
P2  J1    "J 2" 100  8   100  0  Closed
P3  "J 2" J3    100  8   100  0  CV
P4  J1    J3    100  6   100  Closed
P5  J3    J9    100  6   100  0  Open
P6  J3    J4
[VALVES]
V1  J1    J3    4    PRV 50 0
[PUMPS]
U1  J1    J3    POWER 5
U2  J1    J3    HEAD 1 SPEED 0
[STATUS]
V1  Closed
[CONTROLS]
LINK P4 OPEN IF NODE J1 BELOW 20
[OPTIONS]
UNITS GPM
[COORDINATES]
R     554000 4002000
J1    554100 4002000
"J 2" 554200 4002000
J3    554100 4002000
[VERTICES]
P2    554150 4002050
[END]
"""


def layers(folder: Path, text: str | bytes, layer: str | None = None) -> tuple[dict[str, RawLayer], Book]:
    path = folder / "model.inp"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    book = Book("en")
    return {raw.layer: raw for raw in inp.read(path, Request("model.inp", "[layer.water]", layer), book)}, book


def told(book: Book, code: str) -> list[str]:
    return [issue.message for issue in book if issue.code == code]


def zone(folder: Path, source: Path, service: str, crs: tuple[str, str], said: str = "") -> gisplan.Zone:
    """Make a zone of a model and one parcel beside its first node."""
    folder.mkdir(exist_ok=True)
    (folder / source.name).write_bytes(source.read_bytes())
    raw = inp.read(source, Request(source.name, ""), Book())[1]
    x, y = shapely.get_coordinates(raw.geometry[0])[0]
    parcels = gpd.GeoDataFrame({"parcel": ["P1"]}, geometry=[shapely.box(x, y, x + 100, y + 100)], crs=crs[0])
    parcels.to_crs(crs[1]).to_file(folder / "parcels.gpkg")
    text = f'[zone]\ntitle = "x"\ncrs = "{crs[1]}"\ndate = 2026-11-01\n[barriers]\nnone = true\n[layer.{service}]\n'
    text += f'file = "{source.name}"\ncrs = "{crs[0]}"\nstatus = "现状"\n{said}'
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    return gisplan.read(folder, lang="en")


def web(read: gisplan.Zone, service: str) -> nx.MultiGraph:
    """Give what operates, without the parcels."""
    graph = read.network(service).graph.copy()
    graph.remove_nodes_from([node for node in graph if isinstance(node, tuple)])
    return graph


def counts(graph: nx.MultiGraph) -> tuple[int, int, int]:
    return graph.number_of_nodes(), graph.number_of_edges(), len(list(nx.bridges(nx.Graph(graph.to_undirected()))))


class Models:
    """What wntr makes of files; each file is read once."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import wntr
        self.library = Path(wntr.__file__).parent / "library" / "networks"
        self.make = wntr.network.WaterNetworkModel

    def read(self, path: Path) -> Any:
        data = path.read_bytes()
        if data not in self.kept:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.kept[data] = self.make(str(path))
        return self.kept[data]

    def closed(self, path: Path) -> set[str]:
        """Name the links that are closed at the start."""
        return {name for name, link in self.read(path).links() if str(link.initial_status) == "Closed"}

    def declared(self, path: Path) -> set[str]:
        """Name what `RUNNING` declares to be open: pumps, and links that a control may open."""
        model = self.read(path)
        controlled = {str(a.target()[0]) for _, c in model.controls() for a in c.actions()}
        return set(model.pump_name_list) | controlled

    def graph(self, path: Path, gone: set[str] | None = None) -> nx.MultiGraph:
        """Give the graph of a model without some links."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = self.read(path).to_graph()
        graph.remove_edges_from([edge for edge in graph.edges(keys=True) if edge[2] in (gone or set())])
        return graph


@pytest.fixture(scope="module")
def wntr() -> Models:
    return Models()


def moved(wntr: Models, name: str, folder: Path) -> Path:
    """Write a model of the library where the small zone lies: its own coordinates are of no place."""
    path = wntr.library / f"{name}.inp"
    lines = path.read_text(encoding="latin-1").splitlines()
    inside, at = "", {}
    for number, line in enumerate(lines):
        inside = line.strip().upper() if line.startswith("[") else inside
        words = line.split(";")[0].split()
        if inside in ("[COORDINATES]", "[VERTICES]") and len(words) == 3:
            at[number] = (words[0], float(words[1]), float(words[2]))
    west, south = (min(place[i] for place in at.values()) for i in (1, 2))
    for number, (node, x, y) in at.items():
        lines[number] = f"{node} {X + x - west} {Y + y - south}"
    out = folder / f"{name}.inp"
    out.write_text("\n".join(lines), encoding="latin-1")
    return out


def test_ky4_has_the_nodes_links_and_bridges_that_wntr_reports(wntr, tmp_path):
    path = shared("formats/inp") / "ky4.inp"
    read = zone(tmp_path / "z", path, "water", ("EPSG:3547", "EPSG:3546"), RUNNING)
    assert counts(web(read, "water")) == (964, 1158, 375) == counts(wntr.graph(path))
    assert len(read.layers["water"]) == 964 + 1158
    # Feet become metres: what the file holds as so many feet is so many times 0.3048 m wide in the zone.
    raw = inp.read(path, Request("ky4.inp", ""), Book())[1]
    feet = shapely.total_bounds(raw.geometry)
    metres = read.layers["water"].total_bounds
    assert metres[2] - metres[0] == pytest.approx((feet[2] - feet[0]) * 0.3048, rel=1e-3)


def test_a_pump_that_is_off_is_not_known_to_run(wntr, tmp_path):
    path = shared("formats/inp") / "ky4.inp"
    read = zone(tmp_path / "z", path, "water", ("EPSG:3547", "EPSG:3546"), SUPPLIES)
    assert wntr.closed(path) == {"~@Pump-1"}
    assert counts(web(read, "water")) == counts(wntr.graph(path, {"~@Pump-1"}))
    assert "pump off" in str(read.issues["message"].tolist())


@pytest.mark.parametrize(("name", "bridges"), [("Net1", 3), ("Net3", None), ("ky10", 482), ("Net6", 1122)])
def test_the_models_of_the_library(wntr, tmp_path, name, bridges):
    path = moved(wntr, name, tmp_path)
    read = zone(tmp_path / "z", path, "water", (CRS, CRS), RUNNING)
    shut = wntr.closed(path) - wntr.declared(path)
    assert counts(web(read, "water")) == counts(wntr.graph(path, shut))
    whole = wntr.graph(path)
    assert not bridges or counts(whole)[2] == bridges
    assert len(read.layers["water"]) == whole.number_of_nodes() + whole.number_of_edges()


def test_net1_bridges_are_those_that_are_known(wntr, tmp_path):
    """Independently published: links 9, 10 and 110 are bridges; nodes 2 and 9 are ends."""
    read = zone(tmp_path / "z", moved(wntr, "Net1", tmp_path), "water", (CRS, CRS), RUNNING)
    graph = web(read, "water")
    found = {key for a, b in nx.bridges(nx.Graph(graph)) for key in graph[a][b]}
    assert found == {"9", "10", "110"}
    layer = read.layers["water"]
    ends = {n for n in graph if graph.degree(n) == 1}
    points = layer[layer.geometry.geom_type == "Point"]
    at = {(round(p.x, 3), round(p.y, 3)): i for i, p in points.geometry.items()}
    assert {at[round(graph.nodes[n]["x"], 3), round(graph.nodes[n]["y"], 3)] for n in ends} == {"2", "9"}


def test_a_swmm_model_drains_to_its_outfall(tmp_path):
    folder = shared("formats/inp")
    told_apart = json.loads((folder / "bellinge_small_graph.json").read_text(encoding="utf-8"))
    read = zone(tmp_path / "z", folder / "bellinge_small.inp", "storm", ("EPSG:32632", "EPSG:32632"))
    graph = web(read, "storm")
    lines = read.layers["storm"][lambda f: f.geometry.geom_type == "LineString"]
    pairs = set(zip(lines["from_joint"], lines["to_joint"], strict=True))
    # The graph beside the sample was made before the outfall was added to it.
    assert pairs - {("G72F050", "G72F050_outfall")} == {(e["u"], e["v"]) for e in told_apart["links"]}
    assert graph.number_of_nodes() == len(told_apart["nodes"]) + 1 and graph.number_of_edges() == 15
    bores = {e["id"]: e["diameter"] * 1000 for e in told_apart["links"]}
    assert {k: v for k, v in lines["diameter_mm"].items() if k in bores} == pytest.approx(bores)
    (outfall,) = [n for n, said in graph.nodes(data=True) if "source" in said]
    assert all(nx.has_path(graph, n, outfall) for n in graph)
    start = lines.loc["G72F820_G72F810_l1"]
    assert start["invert_from_m"] == pytest.approx(23.369 + 0.0001)
    assert start["invert_to_m"] == pytest.approx(22.879 + 0.0001)
    findings = gisplan.check(read).findings.set_index("condition")
    assert findings.loc["storm.connected", "grade"] == "A"


def test_a_swmm_model_in_feet(tmp_path):
    path = shared("formats/inp") / "model_state_plane.inp"
    raw = {layer.layer: layer for layer in inp.read(path, Request(path.name, ""), Book())}
    assert len(raw["nodes"].table) == 31 + 1 + 13 and len(raw["links"].table) == 44
    lines = raw["links"].table.set_index("feature")
    assert float(lines.loc["J1-025.1", "diameter_mm"]) == pytest.approx(1.25 * 304.8)
    # J2-023 at 982.636 ft; the far end 0.1 ft above J2-026 at 981.84 ft.
    assert float(lines.loc["J2-023.1", "invert_from_m"]) == pytest.approx(982.636 * 0.3048)
    assert float(lines.loc["J2-023.1", "invert_to_m"]) == pytest.approx((981.84 + 0.1) * 0.3048)


def test_sections_comments_quotes_units_and_states(tmp_path):
    found, book = layers(tmp_path, SMALL)
    nodes, links = found["nodes"].table, found["links"].table.set_index("feature")
    assert nodes["feature"].tolist() == ["J1", "J 2", "J3", "J4", "R"]
    assert nodes["role"].tolist() == ["joint"] * 4 + ["source"]
    assert links["open"].to_dict() == {
        "P1": "open", "P2": "closed", "P3": "open", "P4": "closed by control", "P5": "open", "P6": "open",
        "V1": "closed", "U1": "open", "U2": "pump off",
    }  # fmt: skip
    assert float(links.loc["P1", "diameter_mm"]) == pytest.approx(304.8)  # 12 inches
    assert links.loc["P6", "diameter_mm"] == ""
    assert links.loc["P3", "flow"] == "forward" and links.loc["P1", "flow"] == ""
    shapes = dict(zip(links.index, found["links"].geometry, strict=True))
    assert shapes["P2"].wkt == "LINESTRING (554100 4002000, 554150 4002050, 554200 4002000)"
    assert shapes["P5"] is None and shapes["P6"] is None  # no such node; a node without a place
    assert 0 < shapes["P4"].length < 0.01  # J1 and J3 are at one place and two joints all the same
    assert "J9" not in str(told(book, "inp_node_lost")) and "P5" in told(book, "inp_link_lost")[0]
    assert "J4" in told(book, "inp_node_lost")[0] and "P4" in told(book, "link_no_length")[0]


@pytest.mark.parametrize(("unit", "bore"), [("LPS", 12.0), ("CMH", 12.0), ("CFS", 304.8), ("MGD", 304.8)])
def test_flow_units_say_which_lengths_are_meant(tmp_path, unit, bore):
    found, _ = layers(tmp_path, SMALL.replace("UNITS GPM", f"UNITS {unit}"))
    assert float(found["links"].table["diameter_mm"][0]) == pytest.approx(bore)


def test_chinese_names_in_gbk(tmp_path):
    found, book = layers(tmp_path, SMALL.replace("J3", "节点三").encode("gb18030"))
    assert "节点三" in found["nodes"].table["feature"].tolist()
    assert told(book, "encoding_chosen")


def test_a_closed_pipe_cuts(tmp_path):
    path = tmp_path / "m.inp"
    path.write_text(SMALL, encoding="utf-8")
    read = zone(tmp_path / "z", path, "water", (CRS, CRS), SUPPLIES)
    assert {key for _, _, key in web(read, "water").edges(keys=True)} == {"P1", "P3", "U1"}
    assert read.issues["code"].eq("set_aside").sum() == 3  # P5, P6 and the node J4


@pytest.mark.parametrize("text", ["", "[TITLE]\nx\n", "[PIPES]\n[CONDUITS]\n", "a,b\n1,2\n"])
def test_what_is_no_model_is_refused(tmp_path, text):
    with pytest.raises(FormatError, match="neither like an EPANET"):
        layers(tmp_path, text)


def test_a_model_without_coordinates_is_refused(tmp_path):
    with pytest.raises(FormatError, match="COORDINATES"):
        layers(tmp_path, SMALL.split("[COORDINATES]")[0])


def test_only_the_two_layers_may_be_asked_for(tmp_path):
    found, _ = layers(tmp_path, SMALL, "links")
    assert list(found) == ["links"]
    with pytest.raises(LayerError, match="pipes"):
        layers(tmp_path, SMALL, "pipes")


def test_without_a_crs_the_line_to_paste_is_given(tmp_path):
    path = tmp_path / "m.inp"
    path.write_text(SMALL, encoding="utf-8")
    zone(tmp_path / "z", path, "water", (CRS, CRS))
    toml = tmp_path / "z" / "zone.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace(f'crs = "{CRS}"\nstatus', "status"), encoding="utf-8")
    with pytest.raises(LayerError, match='crs = "EPSG:4546"'):
        gisplan.read(tmp_path / "z", lang="en")


def test_cells_stay_as_they_are(tmp_path):
    found, _ = layers(tmp_path, SMALL.replace("J3", "0000123456789012345"))
    assert "0000123456789012345" in found["nodes"].table["feature"].tolist()
    assert isinstance(found["nodes"].table, pd.DataFrame)
