"""Relations: the same zone written down in another way, which must get the same answer in every cell.

Each takes a plain zone and gives it again: turned, moved, in another order, under other names, with more points on its
lines, beside things that are far away. The answer of the slow judge to the first is that to all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from gisplan.selfcheck.reference.records import XY, Evidence, Feature, Parcel, Path, Zone
from gisplan.selfcheck.toys.land import ORIGIN

Relation = Callable[[Zone], Zone]
FAR_M = 20_000.0
DRAINS = ("storm", "sewage")  # what flows by gravity has a direction: reversed, it is another sewer


def _placed(zone: Zone, to: Callable[[XY], XY]) -> Zone:
    """Put every point of a zone elsewhere; lengths and angles stay."""

    def path(points: Path) -> Path:
        return tuple(to(p) for p in points)

    parcels = [
        replace(p, polygons=tuple(tuple(path(ring) for ring in rings) for rings in p.polygons)) for p in zone.parcels
    ]
    barriers = None if zone.barriers is None else tuple(replace(b, path=path(b.path)) for b in zone.barriers)
    placed = _each(zone, lambda f: replace(f, parts=tuple(path(part) for part in f.parts)))
    return replace(placed, parcels=tuple(parcels), barriers=barriers)


def _each(zone: Zone, change: Callable[[Feature], Feature]) -> Zone:
    return replace(zone, layers={s: tuple(change(f) for f in layer) for s, layer in zone.layers.items()})


def moved(zone: Zone) -> Zone:
    """Lie elsewhere."""
    return _placed(zone, lambda p: (p[0] + 12_345.0, p[1] - 23_456.0))


def turned(zone: Zone) -> Zone:
    """Lie turned by a quarter."""
    return _placed(zone, lambda p: (ORIGIN[0] - (p[1] - ORIGIN[1]), ORIGIN[1] + (p[0] - ORIGIN[0])))


def tilted(zone: Zone) -> Zone:
    """Lie turned by the angle of the triangle 3-4-5."""

    def to(p: XY) -> XY:
        x, y = p[0] - ORIGIN[0], p[1] - ORIGIN[1]
        return ORIGIN[0] + 0.8 * x - 0.6 * y, ORIGIN[1] + 0.6 * x + 0.8 * y

    return _placed(zone, to)


def mirrored(zone: Zone) -> Zone:
    """Lie with north and east exchanged."""
    return _placed(zone, lambda p: (ORIGIN[0] + (p[1] - ORIGIN[1]), ORIGIN[1] + (p[0] - ORIGIN[0])))


def features_backwards(zone: Zone) -> Zone:
    """List the features of every layer from the last to the first."""
    return replace(zone, layers={s: layer[::-1] for s, layer in zone.layers.items()})


def layers_backwards(zone: Zone) -> Zone:
    """Name the layers in another order."""
    return replace(zone, layers=dict(list(zone.layers.items())[::-1]))


def parcels_backwards(zone: Zone) -> Zone:
    """List the parcels from the last to the first."""
    return replace(zone, parcels=zone.parcels[::-1])


def papers_backwards(zone: Zone) -> Zone:
    """List papers and works from the last to the first."""
    return replace(zone, evidence=zone.evidence[::-1], works=dict(list(zone.works.items())[::-1]))


def projects_backwards(zone: Zone) -> Zone:
    """List projects and barriers from the last to the first."""
    return replace(zone, projects=zone.projects[::-1], barriers=zone.barriers and zone.barriers[::-1])


def lines_reversed(zone: Zone) -> Zone:
    """Draw every line that has no direction from its other end."""

    def other(f: Feature) -> Feature:
        parts = tuple(part[::-1] for part in f.parts[::-1])
        return replace(f, parts=parts, from_joint=f.to_joint, to_joint=f.from_joint)

    layers = {s: layer if s in DRAINS else tuple(other(f) for f in layer) for s, layer in zone.layers.items()}
    return replace(zone, layers=layers)


def denser(zone: Zone) -> Zone:
    """Put a vertex into the middle of every section of every line."""

    def part(points: Path) -> Path:
        middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in itertools.pairwise(points)]
        return tuple(p for pair in zip(points, [*middles, points[-1]], strict=True) for p in pair)[:-1]

    return _each(zone, lambda f: replace(f, parts=tuple(part(p) for p in f.parts)))


def rings_begun_elsewhere(zone: Zone) -> Zone:
    """Begin every ring at its second corner, and run round it the other way."""

    def ring(points: Path) -> Path:
        return (points[1:] + points[:1])[::-1]

    parcels = [replace(p, polygons=tuple(tuple(ring(r) for r in rings) for rings in p.polygons)) for p in zone.parcels]
    return replace(zone, parcels=tuple(parcels))


def polygons_backwards(zone: Zone) -> Zone:
    """List the polygons of a parcel, and the holes of each, from the last to the first."""

    def polygons(p: Parcel) -> tuple[tuple[Path, ...], ...]:
        return tuple((rings[0], *rings[:0:-1]) for rings in p.polygons[::-1])

    return replace(zone, parcels=tuple(replace(p, polygons=polygons(p)) for p in zone.parcels))


def features_renamed(zone: Zone) -> Zone:
    """Give every feature another id, also where a paper names it."""
    known = {f.id for layer in zone.layers.values() for f in layer}

    def paper(x: Evidence) -> Evidence:
        return replace(x, feature=f"管{x.feature}") if x.feature in known else x

    renamed = _each(zone, lambda f: replace(f, id=f"管{f.id}"))
    return replace(renamed, evidence=tuple(paper(x) for x in zone.evidence))


def works_renamed(zone: Zone) -> Zone:
    """Give all works another number, also where it is named."""

    def name(old: str) -> str:
        return f"工程{old}" if old else ""

    named = _each(zone, lambda f: replace(f, works=name(f.works)))
    parcels = tuple(replace(p, leveling_works=name(p.leveling_works)) for p in zone.parcels)
    return replace(named, works={name(k): w for k, w in zone.works.items()}, parcels=parcels)


def words_padded(zone: Zone) -> Zone:
    """Write words with blanks around them, full-width and half-width."""

    def pad(word: str) -> str:
        return f"\u3000{word} " if word else word

    return _each(zone, lambda f: replace(f, status=pad(f.status), open=pad(f.open)))


def beside_a_far_main(zone: Zone) -> Zone:
    """Have one more main in every layer, far from everything and on nothing."""

    def far(service: str, layer: tuple[Feature, ...]) -> tuple[Feature, ...]:
        x, y = ORIGIN[0] + FAR_M, ORIGIN[1] + FAR_M
        flow = "forward" if service in DRAINS else ""
        return (*layer, Feature(f"{service}-far", "line", (((x, y), (x + 90.0, y + 10.0)),), "现状", flow=flow))

    return replace(zone, layers={s: far(s, layer) for s, layer in zone.layers.items()})


def beside_a_far_barrier(zone: Zone) -> Zone:
    """Have one more railway, far from everything."""
    if not zone.barriers:
        return zone
    path = ((ORIGIN[0] + FAR_M, ORIGIN[1]), (ORIGIN[0] + FAR_M, ORIGIN[1] + 500.0))
    return replace(zone, barriers=(*zone.barriers, replace(zone.barriers[0], id="far", path=path, area=False)))


SAME: tuple[Relation, ...] = (
    moved, turned, tilted, mirrored, features_backwards, layers_backwards, parcels_backwards, papers_backwards,
    projects_backwards, lines_reversed, denser, rings_begun_elsewhere, polygons_backwards, features_renamed,
    works_renamed, words_padded, beside_a_far_main, beside_a_far_barrier,
)  # fmt: skip
ROUNDED = frozenset((moved, turned, tilted, mirrored, denser))
"""These reckon places anew: what hangs on the last digit of a coordinate may fall otherwise, for the slow judge too."""
