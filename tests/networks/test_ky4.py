"""Joints against the true answer: ky4, and EPANET networks whose ends the tests move, beside WNTR's own clustering."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from drawings import epanet, ky4, moved, score
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from gisplan.networks.doubts import doubts
from gisplan.networks.merging import merge
from gisplan.networks.tolerance import recommend

NO_POINTS = np.empty((0, 2))


def judged(drawing):
    """Merge with the recommended tolerance, which knows nothing of the answer."""
    advice = recommend(drawing.lines, NO_POINTS)
    ends = drawing.ends
    reach = np.full(len(ends), advice.tolerance_m)
    made = merge(ends, drawing.line, np.zeros(len(ends), dtype=np.int64), reach)
    joins, refused = (made.a, made.b, made.gap_m), (made.refused_a, made.refused_b)
    return advice, made, doubts((ends, drawing.line, reach), made.joint, joins, refused)


def swallowed(drawing, made):
    n = len(drawing.lines)
    return int((made.joint[:n] == made.joint[n:]).sum())


@pytest.mark.parametrize("by", ["place", "name"])
def test_ky4_is_joined_as_it_truly_is(by, capsys):
    drawing = ky4(by)
    advice, made, doubt = judged(drawing)
    precision, recall, f1 = score(made.joint, drawing.place)
    wrong = drawing.place[made.a] != drawing.place[made.b]
    listed = doubt != ""
    caught, precise = (wrong & listed).sum() / wrong.sum(), (wrong & listed).sum() / listed.sum()
    with capsys.disabled():
        print(f"\nky4 by {by}: recommended {advice.tolerance_m} m ({advice.verdict}), {len(made.a)} joins")
        print(f"  precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}, swallowed {swallowed(drawing, made)}")
        print(
            f"  {wrong.sum()} wrong joins, {caught:.0%} of them on a list of {listed.sum()} (precision {precise:.1%})"
        )
    assert f1 >= 0.975
    assert advice.verdict == "clear"
    assert swallowed(drawing, made) == 0
    assert len(made.joint) == 2 * len(drawing.lines) == 2 * 1156
    assert caught >= 0.8
    assert listed.mean() <= 0.2


def wntr_best(drawing):
    """WNTR's clustering (Ward, cut at a distance) at the tolerance, out of eighty, that suits it best."""
    tree = linkage(pdist(drawing.ends), "ward")
    short = np.median(np.hypot(*(drawing.ends[: len(drawing.lines)] - drawing.ends[len(drawing.lines) :]).T))
    grid = short * np.geomspace(0.003, 3, 80)
    return max((score(fcluster(tree, at, "distance"), drawing.place)[2], at) for at in grid)


@pytest.mark.filterwarnings("ignore")  # WNTR's, about ways of pandas that will go
def test_the_clustering_that_we_compare_with_is_that_of_wntr():
    """WNTR's own function, whole, on its smallest network with moved ends, gives the same groups of ends."""
    gis = pytest.importorskip("wntr").gis
    if not hasattr(gis, "connect_lines"):
        pytest.skip("this WNTR has no connect_lines")
    drawing = moved(epanet("Net3"), 0.03, 1)
    frame = gpd.GeoDataFrame(geometry=list(drawing.lines), crs=32650)
    theirs, _ = gis.connect_lines(frame, 0.2)
    groups = fcluster(linkage(pdist(drawing.ends), "ward"), 0.2, "distance")
    n = len(drawing.lines)
    ours = np.column_stack([groups[:n], groups[n:]])
    kept = ours[:, 0] != ours[:, 1]
    assert theirs.index.tolist() == np.flatnonzero(kept).tolist()
    names = theirs[["start_node_name", "end_node_name"]].astype(int).to_numpy()
    both = np.unique(np.column_stack([names.ravel(), ours[kept].ravel()]), axis=0)  # one name of theirs, one of ours
    assert len(both) == len(np.unique(both[:, 0])) == len(np.unique(both[:, 1])) > 80


# Network, amount by which ends are moved in parts of the median length of a pipe, seed, and what the advice must say.
JITTERS = [
    ("ky10", 0.01, 11, ("clear", "unsure")),
    ("Net6", 0.02, 12, ("clear", "unsure")),
    ("ky4", 0.05, 13, ("unsure", "bad")),
    ("Net3", 0.10, 14, ("bad",)),
    ("ky10", 0.05, 15, ("bad",)),
    ("ky4", 0.10, 16, ("bad",)),
]


@pytest.mark.parametrize(("name", "part", "seed", "verdicts"), JITTERS)
def test_moved_ends_are_joined_better_than_by_wntr_at_its_best(name, part, seed, verdicts, capsys):
    true = epanet(name)
    drawing = moved(true, part * float(np.median([line.length for line in true.lines])), seed)
    advice, made, doubt = judged(drawing)
    precision, recall, f1 = score(made.joint, drawing.place)
    theirs, at = wntr_best(drawing)
    wrong = drawing.place[made.a] != drawing.place[made.b]
    with capsys.disabled():
        print(f"\n{name} moved by {part:.0%}: recommended {advice.tolerance_m} ({advice.verdict})", end=", ")
        print(f"precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}; WNTR at its best ({at:.3g}) {theirs:.4f}")
        caught = (wrong & (doubt != "")).sum() / max(wrong.sum(), 1)
        print(f"  {wrong.sum()} wrong of {len(wrong)} joins, {caught:.0%} of them among {(doubt != '').sum()} doubtful")
    assert f1 > theirs
    assert swallowed(drawing, made) == 0
    assert len(made.joint) == 2 * len(true.lines)
    assert advice.verdict in verdicts
