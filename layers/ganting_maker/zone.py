"""The text of zone.toml."""

from __future__ import annotations

from shapely import Point

from ganting_maker.frame import SITES, UV
from ganting_maker.story import DATA, GIVEN, SIDE, SUPPLY
from ganting_maker.write import HEAT, HEAT_ROLES, SEWAGE, SEWAGE_ROLES, mapping, words


def supply_at(name: str) -> UV:
    """Where a boundary supply point lies."""
    key, service, _, (i, j), _, _ = SUPPLY[name]
    site = SITES[key]
    return site.place(*site.node(i, j, SIDE[service]))


def fed(service: str) -> list[Point]:
    """Boundary supply points of a service."""
    return [Point(supply_at(name)) for name, row in SUPPLY.items() if row[1] == service]


def text() -> str:
    """Return zone.toml as text."""
    parts = [(DATA / "zone_head.toml").read_text(encoding="utf-8")]
    parts.append(f"""[layer.sewage]
columns = {mapping(SEWAGE)}

[layer.sewage.values]
role = {words(SEWAGE_ROLES)}
flow = {{ "+" = "forward", "-" = "reverse" }}
""")
    for name in ("heat.shp", "heat_point.shp"):
        parts.append(f"""[[layer.heat]]
file = "{name}"
columns = {mapping(HEAT)}
values = {{ role = {words(HEAT_ROLES)} }}
open = "开"
""")
    parts.append("""[layer.catv]
file = "catv.geojson"
crs = "EPSG:4490"
status = "现状"
as_of = 2026-08-31
snap = "0.3 m"
""")
    for name, (_, service, kind, _, issuer, document) in SUPPLY.items():
        x, y = supply_at(name)
        parts.append(f"""[[supply]]
id = "{name}"
service = "{service}"
at = [{x}, {y}]
kind = "{kind}"
status = "现状"
as_of = 2026-08-31
issuer = "{issuer}"
document = "{document}"
""")
        if name in GIVEN:
            capacity, used, unit = GIVEN[name]
            parts[-1] += f'capacity = {capacity}\ncapacity_used = {used}\ncapacity_unit = "{unit}"\n'
    return "\n".join(parts)
