"""The review page: one HTML file that needs no network, and whose Content-Security-Policy lets only our scripts run."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from gisplan.base.labels import codes, label

_COMMON_WORDS = (
    "grade.", "ready.", "ready_by_delivery.", "supply_status.", "basis.", "mark.", "fault.", "doubt.", "sure.",
    "land.stage.", "land.conclusion.", "class.", "note.",
)  # fmt: skip
_SCRIPTS = (
    "data.js",
    "words.js",
    "time.js",
    "style.js",
    "signs.js",
    "fabric.js",
    "basemap.js",
    "layers.js",
    "faults.js",
    "marks.js",
    "panels.js",
    "overview.js",
    "trace.js",
    "notes.js",
    "parcel.js",
    "grounds.js",
    "fixes.js",
    "list.js",
    "ruler.js",
    "parts.js",
    "search.js",
    "start.js",
)
_FOR_LARGE = ("fabric.js",)
_UNPACK = "unpack.js"
_PLACE = re.compile(r"<!--gisplan:([a-z]+)-->")
_IMAGE = re.compile(r"url\(images/([a-z0-9-]+\.png)\)")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


@dataclass(frozen=True)
class Pieces:
    """What the page is put together from.

    Attributes
    ----------
    title
        Title of the browser's tab; plain text.
    lang
        Language that the page opens in.
    data
        The data block from `gisplan.outputs.block`, already safe inside a script element.
    packed
        Whether the data block is pressed.
    origin
        The host that tiles beneath the parcels come from; blank without any.
    wide
        Whether the zone is so large that its parcels are drawn in one canvas.
    frame
        The map's own element, from folium: no text of the zone's.
    switches
        folium's first script (two switches of Leaflet).
    head, body
        What a planner's own folium layers put into the head and body; HTML, shown under our policy.
    script
        folium's script: the map, its panes and groups, and the planner's own layers.
    jquery
        Whether that script calls jQuery (folium's popups do).
    frames
        Whether a planner's popup holds an embedded page.
    """

    title: str
    lang: str
    data: str
    packed: bool
    wide: bool
    origin: str
    frame: str
    switches: str
    head: str
    body: str
    script: str
    jquery: bool
    frames: bool


@cache
def asset(name: str) -> str:
    """Read one of our own or vendored text files."""
    return resources.files("gisplan.outputs").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


@cache
def image(name: str) -> str:
    """Give one of Leaflet's images as a data URI."""
    path = resources.files("gisplan.outputs").joinpath("assets", "leaflet", "images", name)
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


@cache
def words() -> dict[str, tuple[str, str]]:
    """Give the page's words, key to (中文, English): those of all of gisplan, then its own from words.csv."""
    common = {code: label(code) for prefix in _COMMON_WORDS for code in codes(prefix)}
    own = csv.DictReader(asset("words.csv").splitlines())
    return {code: (word.zh, word.en) for code, word in common.items()} | {
        row["key"]: (row["zh"], row["en"]) for row in own
    }


def icons() -> dict[str, str]:
    """Give the images of Leaflet's ordinary marker, which it would otherwise fetch from beside the page."""
    names = {"iconUrl": "marker-icon", "iconRetinaUrl": "marker-icon-2x", "shadowUrl": "marker-shadow"}
    return {option: image(f"{name}.png") for option, name in names.items()}


def compose(pieces: Pieces) -> str:
    """Put the page together; nothing that is put in is looked at for further places.

    Parameters
    ----------
    pieces
        The pieces, each already safe for where it goes.

    Returns
    -------
    str
        The whole HTML page.
    """
    library = [_SOURCE_MAP.sub("", asset("leaflet/leaflet.js"))]
    if pieces.jquery:
        library.append(asset("jquery/jquery.slim.min.js"))
    own, last = _own(pieces.wide), pieces.script
    if pieces.packed:
        # nothing can start before the block is read: what does wait stands in one function
        own, last = asset(f"js/{_UNPACK}"), f"gisplanUnpack(function () {{\n{own}\n{last}\n}});"
    scripts = [_sound(script) for script in (pieces.switches, *library, own, last)]
    filled = {
        "policy": html.escape(_policy(scripts, pieces.origin, frames=pieces.frames)),
        "title": html.escape(pieces.title),
        "lang": html.escape(pieces.lang),
        "style": f"<style>{_styles()}</style>",
        "noscript": html.escape(" ".join(words()["page.noscript"])),
        "frame": pieces.frame,
        "kind": "application/gzip" if pieces.packed else "application/json",
        "data": pieces.data,
        "library": "\n".join(f"<script>{script}</script>" for script in scripts[:-1]),
        "planner": _clean(pieces.head + pieces.body),
        "script": f"<script>{scripts[-1]}</script>",
    }
    skeleton = _PLACE.split(asset("page.html"))
    skeleton[1::2] = [filled[place] for place in skeleton[1::2]]
    return "".join(skeleton)


def _own(wide: bool) -> str:
    return "\n".join(asset(f"js/{name}") for name in _SCRIPTS if wide or name not in _FOR_LARGE)


def _styles() -> str:
    leaflet = _IMAGE.sub(lambda found: f"url({image(found[1])})", asset("leaflet/leaflet.css"))
    return f"{leaflet}\n{asset('page.css')}\n{asset('print.css')}"


def _clean(text: str) -> str:
    """Make text such that a browser reads it as it was hashed: one kind of line end, no NUL, no lone surrogate."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _sound(script: str) -> str:
    r"""Make a script unable to end its element; in JavaScript's strings ``<\/script`` and ``<\!--`` mean the same."""
    script = re.sub(r"</(?=script)", r"<\\/", _clean(script), flags=re.IGNORECASE)
    return script.replace("<!--", r"<\!--")


def _policy(scripts: Sequence[str], origin: str, *, frames: bool) -> str:
    """Allow exactly these scripts, by hash: nothing that a text smuggles in can run, and nothing can leave the page.

    Only tiles that the planner asked for come from outside, from their one host.
    """
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts]
    rules = [
        "default-src 'none'",
        "script-src " + " ".join(f"'sha256-{value}'" for value in hashes),
        "style-src 'unsafe-inline'",
        f"img-src data: blob: {origin}".strip(),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if frames:
        rules.append("frame-src data:")
    return "; ".join(rules)
