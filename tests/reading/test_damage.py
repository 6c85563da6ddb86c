"""Damage: files cut, with bytes flipped, taken out or put in, end in a refusal or a report, never in anything else."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from shared_data import shared

from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.inspection import CRASHED, SILENT, inspect

LARGEST = 200_000
TRIALS = 40  # for each suffix; the readers have been tried on some ten thousand more by hand
PARTS = (".dbf", ".shx", ".prj", ".cpg")


def damaged(data: bytes, dice: random.Random) -> bytes:
    out = bytearray(data)
    at = dice.randrange(len(out))
    way = dice.randrange(5)
    if way == 0:
        return bytes(out[:at])
    if way == 1:
        for _ in range(dice.randint(1, 4)):
            out[dice.randrange(len(out))] = dice.choice([0, 127, 128, 255, dice.randrange(256)])
    elif way == 2:
        del out[at : at + dice.randint(1, 64)]
    elif way == 3:
        start = dice.randrange(len(out))
        out[at:at] = out[start : start + dice.randint(1, 64)]
    else:
        out[at : at + 4] = dice.choice([b"\xff\xff\xff\x7f", b"\xff" * 4, b"\0" * 4, b"\x80\0\0\0"])
    return bytes(out)


def read(path, request):
    book = Book("en")
    return registry.read(path, request, book), tuple(book)


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson", ".kml", ".dxf", ".csv", ".xlsx", ".zip"])
def test_damage_is_refused_or_reported(tmp_path, suffix):
    corpus = shared("corpus")
    files = sorted(p for p in corpus.rglob(f"*{suffix}") if p.is_file() and 0 < p.stat().st_size < LARGEST)
    assert len(files) >= 5
    dice = random.Random(f"damage {suffix}")
    wrong = []
    for trial in range(TRIALS):
        file = dice.choice(files)
        folder = tmp_path / str(trial)
        folder.mkdir()
        parts = [p for p in (file.with_suffix(part) for part in PARTS) if suffix == ".shp" and p.exists()]
        for part in (file, *parts):
            shutil.copyfile(part, folder / part.name)
        victim: Path = folder / dice.choice([file, *parts]).name
        if victim.stat().st_size:
            victim.write_bytes(damaged(victim.read_bytes(), dice))
        seen = inspect(folder / file.name, "en", read).files[0]
        if seen.state in (SILENT, CRASHED):
            wrong.append((file.name, victim.suffix, seen.state, seen.code, seen.message))
    assert wrong == []
