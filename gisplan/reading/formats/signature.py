"""What a file is by its own bytes, whatever its name says; no library is asked, and nothing is opened but the file."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

_HEAD = 8192
_MAGIC = (
    (b"\x00\x00\x27\x0a", "shp"),
    (b"fgb\x03", "fgb"),
    (b"PAR1", "parquet"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x00\x01\x00\x00Standard Jet DB", "mdb"),
    (b"\x00\x01\x00\x00Standard ACE DB", "accdb"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"AutoCAD Binary DXF", "dxf"),
    (b"WMAP`D2", "mapgis"),
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"\x1f\x8b", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"BZh", "archive"),
    (b"!<arch>", "archive"),
)
_DWG = re.compile(rb"AC10\d\d|AC1\.\d\d?|AC2\.\d\d?")
_GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")
_ROOTS = {
    "kml": "kml",
    "gpx": "gpx",
    "html": "html",
    "ogrvrtdatasource": "vrt",
    "vrtdataset": "vrt",
    "ogrwfsdatasource": "vrt",
    "wfs_capabilities": "vrt",
    "featurecollection": "gml",
    "gml": "gml",
    "osm": "xml",
}
# A heading in brackets ([TITLE], [属性描述]) also begins so.
_JSON = re.compile(r'\{|\[\s*([\[{"\]]|-?\d|true|false|null|$)')
_PLAIN = re.compile(r'"type"\s*:\s*"(FeatureCollection|Feature|(Multi)?(Point|LineString|Polygon)|GeometryCollection)"')


def kind_of(path: Path) -> str:
    """Tell what a file is, as a code ``content.<kind>`` of labels.csv; empty where its bytes do not tell.

    ``text`` stands for text of any sort (CSV, point lists, anything), ``binary`` for bytes that nobody here knows.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "gdb" if (path / "a00000001.gdbtable").exists() else "folder"
    if not stat.S_ISREG(mode):
        return "device"  # a pipe or a device: opening it may wait for ever
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head:
        return "empty"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"SQLite format 3\x00"):
        return "gpkg" if head[68:72] in _GEOPACKAGE else "sqlite"
    if head.startswith(b"PK"):
        return _packed(path)
    if _DWG.match(head):
        return "dwg"
    if head[257:262] == b"ustar":
        return "archive"
    return _text(head)


def _packed(path: Path) -> str:
    """Tell a workbook, a KMZ and a text document from any other zip, by the names that are in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.casefold() for name in archive.namelist()[:2000]]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "zip"
    if "[content_types].xml" in names or any(name.startswith("xl/") for name in names):
        return "xlsx" if any(name.startswith("xl/") for name in names) else "document"
    return "kmz" if any(name.endswith(".kml") for name in names) else "zip"


def _text(head: bytes) -> str:
    """Tell kinds of text apart by how they begin."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "utf-8", errors="replace").removeprefix("\ufeff").lstrip()
    if not wide and b"\x00" in head:
        return "dbf" if _is_dbf(head) else "binary"
    if not text:
        return "empty"
    if _JSON.match(text):
        return "geojson" if _PLAIN.search(text) else "json"
    if text.startswith("<"):
        return _markup(text)
    if text.startswith("!table"):
        return "mapinfo"
    if re.match(r"version\s+\d+\s+(charset|delimiter|columns|unique|index|coordsys)", text, re.IGNORECASE):
        return "mapinfo"
    if re.match(r"(999\r?\n[^\n]*\n\s*)*0\r?\n\s*(SECTION|LINE|EOF)\b", text):
        return "dxf"
    if text.startswith("EXP  0"):
        return "e00"
    return "text"


def _is_dbf(head: bytes) -> bool:
    """Tell a dBASE table by its version, its day and where its header ends."""
    known = head[0] in (0x03, 0x04, 0x05, 0x30, 0x31, 0x83, 0x8B, 0xF5) and len(head) > 32
    return known and 1 <= head[2] <= 12 and 1 <= head[3] <= 31 and int.from_bytes(head[8:10], "little") >= 33


def _markup(text: str) -> str:
    bare = re.sub(r"<\?.*?\?>|<!--.*?-->", "", text, flags=re.DOTALL).lstrip()
    if re.match(r"<!doctype\s+html", bare, re.IGNORECASE):
        return "html"
    root = re.match(r"(?:<![^>]*>\s*)*<(?:[\w.-]+:)?([\w.-]+)", bare)
    return _ROOTS.get(root[1].casefold(), "xml") if root is not None else "xml"
