"""The job, done by gisplan's own network and reach code.

    python job_gisplan.py FOLDER [--threads 2] [--out FILE]

For every parcel and service: the nearest main that is connected to a source, at most 50 m from the parcel, and its
distance; 2 where there is one, 1 where only a dead main is near, 0 where there is none. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from make_zone import REACH_M, SERVICES, SNAP_M

from gisplan.networks.drawing import Drawing
from gisplan.networks.joins import Names
from gisplan.networks.joints import Joined, join, propose
from gisplan.networks.network import Network, Sources
from gisplan.networks.reach import Near, nearest
from gisplan.networks.standing import FOREVER, Standing
from gisplan.networks.supply import SHUT, levels, sweep
from gisplan.rules.profile import Service, load

Shapes = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
NO_ROWS: Ints = np.empty(0, dtype=np.int64)


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.begin = self.mark = time.perf_counter()
        self.stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on a stage."""
        now = time.perf_counter()
        self.stages[stage] = round(now - self.mark, 3)
        self.mark = now


def column(folder: Path, layer: str, name: str) -> npt.NDArray[np.object_]:
    """Read one column of a layer."""
    import pyarrow.parquet as pq  # counted with the reading, as in the other tools

    table = pq.read_table(folder / f"{layer}.parquet", columns=[name])
    return np.asarray(table[name].to_numpy(zero_copy_only=False))


def geometry(folder: Path, layer: str) -> Shapes:
    """Read the geometries of a layer, without a GeoDataFrame."""
    return np.asarray(shapely.from_wkb(column(folder, layer, "geometry")))


def working(count: int) -> Standing:
    """Give the standing of things that all operate."""
    day, never = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
    return Standing(
        grade=np.zeros(count, dtype=np.int64),
        day=day,
        closes=np.full(count, FOREVER),
        unknown=never,
        out=never,
        why=np.full(count, "", dtype=object),
    )


def drawn(lines: Shapes, points: npt.NDArray[np.float64]) -> Drawing:
    """Make a drawing of lines and sources without joint numbers."""
    return Drawing(
        lines=lines,
        points=points,
        line_first=np.ones(len(lines), dtype=bool),
        point_first=np.ones(len(points), dtype=bool),
        line_reach_m=np.full(len(lines), SNAP_M),
        point_reach_m=np.full(len(points), SNAP_M),
        numbers=np.zeros((len(lines), 2), dtype=np.int64),
        point_number=np.zeros(len(points), dtype=np.int64),
        point_leaf=np.zeros(len(points), dtype=bool),
    )


def live(drawing: Drawing, joined: Joined, service: Service) -> Bools:
    """Find the lines that are connected to a source."""
    lines = len(drawing.lines)
    pieces, points = len(joined.u), len(joined.point_joint)
    network = Network(
        service=service,
        joined=joined,
        row=joined.line,
        standing=working(pieces),
        direction=np.zeros(pieces, dtype=np.int64),
        said=np.zeros(pieces, dtype=np.int64),
        main=np.ones(pieces, dtype=bool),
        closed=NO_ROWS,
        unsure_closed=NO_ROWS,
        sources=Sources(joined.point_joint, np.arange(points), working(points)),
        sourceless=points == 0,
        stub_joint=NO_ROWS,
        stub_row=NO_ROWS,
        stub_standing=working(0),
        hydrants=Sources(NO_ROWS, NO_ROWS, working(0)),
        features=np.arange(lines).astype(object),
        reach_m=np.full(lines, SNAP_M),
        drawing=drawing,
        names=Names(service.key, np.arange(lines).astype(object), np.arange(lines), lines),
    )
    supply = sweep(network, levels([network.standing, network.sources.standing]), SHUT)
    found = np.zeros(lines, dtype=bool)
    found[joined.line[supply.piece == 0]] = True
    return found


def write(near: Near, parcels: int, out: Path) -> None:
    """Write status and distance of every parcel and service."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    status = np.zeros((parcels, len(SERVICES)), dtype=np.int8)
    metres = np.full(status.shape, np.inf, dtype=np.float32)
    service, dead = near.group // 2, near.group % 2 == 1
    status[near.parcel[dead], service[dead]] = 1
    status[near.parcel[~dead], service[~dead]] = 2
    metres[near.parcel[~dead], service[~dead]] = near.distance_m[~dead]
    columns = {"parcel_id": np.arange(parcels)}
    columns |= {key: status[:, k] for k, key in enumerate(SERVICES)}
    columns |= {f"{key}_m": metres[:, k] for k, key in enumerate(SERVICES)}
    pq.write_table(pa.table(columns), out)


def main() -> None:
    """Do the job and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    clock = Clock()
    parcels = geometry(options.folder, "parcels")
    layers = {key: geometry(options.folder, key) for key in SERVICES}
    spots = shapely.get_coordinates(geometry(options.folder, "sources"))
    owner = column(options.folder, "sources", "service")
    clock.lap("read")
    with ThreadPoolExecutor(options.threads) as pool:
        drawings = [drawn(layers[key], spots[owner == key]) for key in SERVICES]
        joined = list(pool.map(lambda drawing: join(drawing, propose(drawing)), drawings))
    clock.lap("node")
    water = load("jiutong_connection").service("water")
    alive = [live(drawing, each, water) for drawing, each in zip(drawings, joined, strict=True)]
    clock.lap("live")
    shapes = np.concatenate(list(layers.values()))
    group = np.concatenate([2 * k + (~mask).astype(np.int64) for k, mask in enumerate(alive)])
    near = nearest(parcels, shapes, group, np.full(2 * len(SERVICES), REACH_M), options.threads)
    clock.lap("nearest")
    if options.out:
        write(near, len(parcels), options.out)
    clock.lap("write")
    size = np.bincount(near.group, minlength=2 * len(SERVICES))[::2]
    metres = np.bincount(near.group, weights=near.distance_m, minlength=2 * len(SERVICES))[::2]
    answer = {"tool": "gisplan", "n": len(parcels), "total_s": round(clock.mark - clock.begin, 3)}
    answer |= {
        "stages": clock.stages,
        "counts": dict(zip(SERVICES, size.tolist(), strict=True)),
        "dist_sum": dict(zip(SERVICES, metres.round(3).tolist(), strict=True)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
