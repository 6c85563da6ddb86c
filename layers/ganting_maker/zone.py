"""The text of zone.toml."""

from __future__ import annotations

from ganting_maker.frame import SITES
from ganting_maker.story import DATA, SIDE, SUPPLY
from ganting_maker.write import HEAT, HEAT_ROLES, SEWAGE, SEWAGE_ROLES, mapping, words


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
    for name, (key, service, kind, (i, j), issuer, document) in SUPPLY.items():
        site = SITES[key]
        x, y = site.place(*site.node(i, j, SIDE[service]))
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
    return "\n".join(parts)
