"""Files written by hand or by other programs, for the tests of reading: one function per format."""

from __future__ import annotations

import struct
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import pyogrio


def dbf_with(path: Path, name: bytes, kind: bytes, width: int, cells: list[bytes], language: int = 0) -> None:
    """Write a DBF by hand: one field; a cell that begins with ``*`` and a blank is a deleted row."""
    header = struct.pack("<B3BIHH16xBB2x", 3, 26, 11, 1, len(cells), 32 + 32 + 1, 1 + width, 0, language)
    fields = name.ljust(11, b"\0") + kind + b"\0" * 4 + bytes([width, 0]) + b"\0" * 14 + b"\r"
    rows = [b"*" + c[2:].ljust(width)[:width] if c.startswith(b"* ") else b" " + c.ljust(width)[:width] for c in cells]
    path.write_bytes(header + fields + b"".join(rows) + b"\x1a")


class _ByHand(zipfile.ZipInfo):
    """An entry whose name is written in GBK without saying so, as Windows in Chinese does."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gb18030"), self.flag_bits & ~0x800


def pack(path: Path, files: list[Path], root: Path, gbk: bool = False) -> Path:
    """Pack files into a zip archive, under their names below `root`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            info = (_ByHand if gbk else zipfile.ZipInfo)(file.relative_to(root).as_posix())
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())
    return path


def shapefile(
    frame: gpd.GeoDataFrame, path: Path, encoding: str = "GBK", cpg: str | None = "", language: int = 0
) -> Path:
    """Write a Shapefile in an encoding; its .cpg says what is given ("": the truth, None: there is none)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are cut to ten bytes
        pyogrio.write_dataframe(frame, path, encoding=encoding)
    if cpg != "":
        dbf = path.with_suffix(".dbf")
        data = bytearray(dbf.read_bytes())
        data[29] = language
        dbf.write_bytes(bytes(data))
        path.with_suffix(".cpg").unlink(missing_ok=True)
        if cpg is not None:
            path.with_suffix(".cpg").write_text(cpg)
    return path
