"""The review map: folium builds the frame, the page draws the zone from one data block, and nothing needs a network.

folium compiles what it has rendered as a template a second time, so that a text such as ``{{ … }}`` in a layer would
run as code where the map is built. No text of the zone goes through folium at all; for the layers that a planner adds,
that second compilation is switched off while this map is rendered (`_verbatim`).
"""

from __future__ import annotations

import contextlib
import html
import re
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

import folium
from branca.element import CssLink, Div, Element, Figure, Html, IFrame, JavascriptLink, MacroElement
from folium.map import CustomPane
from folium.raster_layers import ImageOverlay, TileLayer, VideoOverlay, WmsTileLayer
from folium.template import Template

from gisplan.base.errors import ExportError
from gisplan.base.files import write_text
from gisplan.base.labels import LANGS
from gisplan.outputs.block import data_block
from gisplan.outputs.page import Pieces, compose, icons, words
from gisplan.outputs.parts import Directory, Part, entries, folder_of, parts, sweep_parts, tables_of
from gisplan.outputs.tables import Tables

# Below Leaflet's own overlay pane (400): what a planner adds lies on top.
_PANES = {
    "base": 200,
    "parcels": 310,
    "barriers": 315,
    "lines": 320,
    "gaps": 330,
    "trace": 335,
    "points": 340,
    "faults": 345,
    "marks": 350,
}
_GROUPS = ("parcels", "barriers", "gaps")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_ID = re.compile(r"[0-9a-f]{32}")
_REMOTE = re.compile(
    r"<(?:script|link|img|iframe|source|object|embed)\b[^>]*?\b(?:src|href|data)\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)",
    re.IGNORECASE,
)
_VENDORED = "asset:"


def write_map(tables: Tables, path: Path, lang: str = "both") -> None:
    """Write the review map: one file, and of a large zone the pages of its parts in a folder beside it.

    Parameters
    ----------
    tables
        What the report gives to its outputs.
    path
        Where the file belongs; the folder has its name and ``_parts``.
    lang
        Language that the pages open in.

    Raises
    ------
    ExportError
        A file cannot be written.
    """
    files = map_files(tables, path.name, lang)
    try:
        for name in files:
            (path.parent / name).parent.mkdir(exist_ok=True)
    except OSError as error:
        raise ExportError(_sentence("error.parts", name=folder_of(path).name)) from error
    for name, write in files.items():
        write(path.parent / name)
    sweep_parts(folder_of(path), files)


def map_files(tables: Tables, name: str, lang: str) -> dict[str, Callable[[Path], None]]:
    """Give what writes each file of a review map, by its name beside the map's; the map itself comes last.

    Parameters
    ----------
    tables
        What the report gives to its outputs.
    name
        Name of the map's file.
    lang
        Language that the pages open in.
    """
    directory = Directory(folder_of(Path(name)).name, parts(tables.parcels))

    def part_writer(part: Part) -> Callable[[Path], None]:
        return lambda path: ReviewMap(tables_of(tables, part, name), lang).save(path)

    return {
        **{f"{directory.folder}/{part.file}": part_writer(part) for part in directory.parts},
        name: lambda path: ReviewMap(tables, lang, directory).save(path),
    }


def review_map(tables: Tables, lang: str = "both") -> ReviewMap:
    """Make the review map of a zone.

    Parameters
    ----------
    tables
        What the report gives to its outputs.
    lang
        Language that the page opens in: ``zh``, ``en`` or ``both``; the reader can switch.

    Returns
    -------
    ReviewMap
        A folium.Map to which further folium layers can be added.
    """
    return ReviewMap(tables, lang)


class ReviewMap(folium.Map):
    """A folium.Map of the zone that is safe and offline however it is shown or saved.

    Parameters
    ----------
    tables
        What the report gives to its outputs.
    lang
        Language that the page opens in.
    directory
        Where the pages of a large zone's parts lie, once they are written.

    Notes
    -----
    Add folium layers as to any folium.Map (markers, GeoJson, lines, groups, a layer control). What would fetch
    something when the page is opened (tiles, plugins with scripts of their own) is refused with its name. Icons of
    folium.Icon are drawn as coloured pins. A bare folium.Element is shown as it stands, not compiled as a template; an
    inline ``<script>`` in it does not run: scripts belong in ``get_root().script``.
    """

    # In folium's words: name and address of what a map needs; ours are files of the package.
    default_js = [("leaflet", _VENDORED + "leaflet.js")]  # noqa: RUF012 (folium reads it as a class attribute)
    default_css = [("leaflet_css", _VENDORED + "leaflet.css")]  # noqa: RUF012

    def __init__(self, tables: Tables, lang: str = "both", directory: Directory | None = None) -> None:
        if lang not in LANGS:
            raise ValueError(f"lang={lang!r} is not one of {', '.join(LANGS)}.")
        self._block = data_block(
            tables, lang, words(), {"icons": icons(), "parts": entries(directory, len(tables.parcels))}
        )
        super().__init__(
            location=self._block.centre,
            tiles=None,
            crs="Simple" if self._block.plain else "EPSG3857",
            zoom_start=13,
            control_scale=True,
            zoom_control="topleft",
            zoom_snap=0.25,
            zoom_delta=0.5,
            min_zoom=-12 if self._block.plain else 3,
            max_zoom=22,
            attribution_control=False,
        )
        self._lang = lang
        self._origin = tables.base.origin if tables.base is not None else ""
        self._title = _tab_title(tables.about, lang)
        self._parent: Figure | None = None
        _ReviewFigure(self).add_child(self)
        self._build(len(tables.services))

    def _build(self, services: int) -> None:
        """Let folium make panes and groups; their names are our own words and numbers."""
        for name, height in _PANES.items():
            self.add_child(CustomPane(f"gp-{name}", z_index=height, pointer_events=name != "marks"))
        groups: dict[str, Any] = {name: folium.FeatureGroup(name=name, control=False) for name in _GROUPS}
        for name in ("lines", "points"):
            groups[name] = [folium.FeatureGroup(name=f"{name} {n}", control=False) for n in range(services)]
        for group in [*(groups[name] for name in _GROUPS), *groups["lines"], *groups["points"]]:
            self.add_child(group)
        self.add_child(_Start(groups))

    def page(self) -> str:
        """Give the whole page as HTML.

        Returns
        -------
        str
            One self-contained HTML file; the same map gives the same text.

        Raises
        ------
        ExportError
            A layer that was added needs something from the network.
        """
        figure = self._parent
        if not isinstance(figure, _ReviewFigure):
            raise ExportError(_sentence("error.figure"))
        before = [(element, element._children.copy()) for element in _family(figure)]
        try:
            with _verbatim(), _literal_texts(figure):
                pieces = self._pieces(figure)
        finally:
            for element, children in before:
                element._children = children
        return compose(pieces)

    def _pieces(self, figure: Figure) -> Pieces:
        """Render every layer, refuse what is remote, and sort what folium made into the parts of the page."""
        for child in list(figure._children.values()):
            if child is self:
                super().render()
            else:
                child.render()
        family = _family(figure)
        _refuse_remote(family, figure)
        head = {name: child.render() for name, child in figure.header._children.items() if not _is_ours(name, child)}
        body = {name: child.render() for name, child in figure.html._children.items()}
        own = self.get_name()
        switches = "".join(_SCRIPT.findall(head.pop(own)))
        frame = body.pop(own)
        texts = ["".join(head.values()), "".join(body.values())]
        for text in texts:
            if found := _REMOTE.search(text):
                raise ExportError(_sentence("error.remote", layer="HTML", url=found[1]))
        script = figure.script.render()
        frame, switches, *texts, script = _renumber([frame, switches, *texts, script], family)
        return Pieces(
            title=self._title,
            lang=self._lang,
            data=self._block.text,
            packed=self._block.packed,
            wide=self._block.wide,
            origin=self._origin,
            frame=frame,
            switches=switches,
            head=texts[0],
            body=texts[1],
            script=script,
            jquery="$(" in script,
            frames=any(isinstance(element, IFrame) for element in family),
        )

    def render(self, **kwargs: Any) -> str:
        """Give the whole page as HTML, as `page` does."""
        return self.page()

    def save(self, outfile: str | bytes | Path | BinaryIO, close_file: bool = True, **kwargs: Any) -> None:
        """Write the page to a file, whole or not at all.

        Parameters
        ----------
        outfile
            Path, or a binary file that is open.
        close_file
            Whether to close that file.
        """
        text = self.page()
        if isinstance(outfile, bytes):
            outfile = outfile.decode()
        if isinstance(outfile, str | Path):
            write_text(Path(outfile), text)
            return
        outfile.write(text.encode())
        if close_file:
            outfile.close()

    def _repr_html_(self, **kwargs: Any) -> str:
        """Show the page in Jupyter: in a frame of its own that can reach neither the notebook nor the network."""
        style = "width:100%;height:720px;border:1px solid #d5dcda;border-radius:6px"
        frame = html.escape(self.page())
        return (
            f'<iframe srcdoc="{frame}" sandbox="allow-scripts allow-modals allow-downloads" style="{style}"></iframe>'
        )


class _ReviewFigure(Figure):
    """The root of the map's tree; rendering it, by whatever way, gives the safe page."""

    def __init__(self, review: ReviewMap) -> None:
        super().__init__()
        self._review = review

    def render(self, **kwargs: Any) -> str:
        return self._review.page()

    def _repr_html_(self, **kwargs: Any) -> str:
        return self._review._repr_html_()


class _Start(MacroElement):
    """Calls our script with the map and the groups that it fills."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            gisplan.start({{ this._parent.get_name() }}, {{ this.groups|tojavascript }});
        {% endmacro %}
        """
    )

    def __init__(self, groups: dict[str, Any]) -> None:
        super().__init__()
        self._name = "Start"
        self.groups = groups


def _tab_title(about: dict[str, Any], lang: str) -> str:
    title = about.get("title") or ""
    if not isinstance(title, dict):
        return str(title)
    zh, en = str(title.get("zh") or ""), str(title.get("en") or "")
    return {"zh": zh, "en": en}.get(lang, zh if zh == en else f"{zh} {en}")


def _sentence(key: str, **values: str) -> str:
    """Fill one of our sentences, in both languages; values are put in as they are."""
    return "\n".join(text.format(**values) for text in words()[key])


def _is_ours(name: str, child: Element) -> bool:
    """Tell whether an entry of the head is one that the page brings itself."""
    return name == "meta_http" or (isinstance(child, JavascriptLink | CssLink) and child.url.startswith(_VENDORED))


def _family(root: Element) -> list[Element]:
    """List every element that hangs on `root`, also in headers, popups and icons, each once."""
    found: dict[int, Element] = {}
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple) and value and not isinstance(value[0], str | int | float):
            waiting.extend(value)
        elif isinstance(value, Element) and id(value) not in found:
            found[id(value)] = value
            waiting.extend(part for part in vars(value).values() if isinstance(part, Element | dict | list | tuple))
    return list(found.values())


def _renumber(texts: list[str], family: list[Element]) -> list[str]:
    """Replace folium's random ids by running numbers, so that the same map gives the same bytes."""
    random = {element._id for element in family}
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        if found[0] not in random:
            return found[0]
        return numbers.setdefault(found[0], f"{len(numbers):032x}")

    return [_ID.sub(number, text) for text in texts]


def _refuse_remote(family: list[Element], figure: Figure) -> None:
    """Refuse whatever would fetch something when the page is opened.

    Raises
    ------
    ExportError
        With the layer's name, the address, and the cure.
    """
    for link in figure.header._children.values():
        if isinstance(link, JavascriptLink | CssLink) and not link.url.startswith(_VENDORED):
            asked = [e for e in family if any(link.url == url for _, url in _links(e))]
            layer = ", ".join(sorted({type(e).__name__ for e in asked})) or type(link).__name__
            raise ExportError(_sentence("error.remote", layer=layer, url=link.url))
    for element in family:
        if isinstance(element, TileLayer):
            raise ExportError(_sentence("error.remote", layer=type(element).__name__, url=element.tiles))
        if isinstance(element, WmsTileLayer | ImageOverlay | VideoOverlay) and not element.url.startswith("data:"):
            raise ExportError(_sentence("error.remote", layer=type(element).__name__, url=element.url))


def _links(element: Element) -> list[tuple[str, str]]:
    return [*getattr(element, "default_js", []), *getattr(element, "default_css", [])]


_rendering: ContextVar[bool] = ContextVar("gisplan_map_rendering", default=False)
_patch_lock = threading.Lock()
_patch_depth = 0
_stock_init, _stock_render = Element.__init__, Element.render
_LOOP = Div().html._template_str


def _is_text(element: Element) -> bool:
    """Tell whether an element is bare text (branca hands every rendered piece on as such), not one with a template."""
    text = element._template_str
    return _rendering.get() and type(element) is Element and text is not None and text != _LOOP


def _init(self: Element, template: str | None = None, template_name: str | None = None) -> None:
    """Make an element; while our map renders, bare text is kept and never compiled."""
    bare = _rendering.get() and type(self) is Element and template is not None and template != _LOOP
    _stock_init(self, None if bare else template, template_name)
    if bare:
        self._template_str = template


def _render(self: Element, **kwargs: Any) -> Any:
    """Render an element; while our map renders, bare text is given as it stands."""
    return self._template_str if _is_text(self) else _stock_render(self, **kwargs)


@contextlib.contextmanager
def _verbatim() -> Iterator[None]:
    """Switch off, for this thread and this rendering only, that rendered text is compiled as a template again.

    branca offers no setting for it and every layer class makes its elements itself, so two methods of `Element` are
    replaced while a review map renders. They behave as ever for all other maps, in other threads too.
    """
    global _patch_depth
    with _patch_lock:
        _patch_depth += 1
        Element.__init__, Element.render = _init, _render
    token = _rendering.set(True)
    try:
        yield
    finally:
        _rendering.reset(token)
        with _patch_lock:
            _patch_depth -= 1
            if not _patch_depth:
                Element.__init__, Element.render = _stock_init, _stock_render


@contextlib.contextmanager
def _literal_texts(figure: Figure) -> Iterator[None]:
    r"""Make popups and tooltips show their text as it is while the map renders.

    folium writes both between backticks in JavaScript, where ``${…}`` is code and ``\x3c`` a character.
    """
    changed: list[tuple[Element, str, str]] = []
    for element in _family(figure):
        if isinstance(element, folium.Tooltip):
            changed.append((element, "text", element.text))
            element.text = _literal(element.text)
        elif isinstance(element, Html) and isinstance(getattr(element._parent, "_parent", None), folium.Popup):
            changed.append((element, "data", element.data))
            # folium.Popup has already put a backslash before each backtick.
            element.data = _literal(element.data.replace(r"\`", "`"))
    try:
        yield
    finally:
        for element, name, text in changed:
            setattr(element, name, text)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
