"""``python -m gisplan.selfcheck``: measure how far a "ready" can be trusted, and say it in one line a property."""

from __future__ import annotations

import argparse
import json
import sys

from gisplan.selfcheck.board import PROPERTIES, RELATIONS, ZONES, Board, measure

HELD, BROKEN = 0, 1


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the board, and return 1 when anything was off."""
    parser = argparse.ArgumentParser(prog="python -m gisplan.selfcheck", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seed", type=_whole, default=1, metavar="N", help="the first zone (1)")
    parser.add_argument("--seconds", type=_whole, default=600, metavar="S", help="time for the whole run (600)")
    parser.add_argument("--json", action="store_true", help="print the board as JSON")
    told = parser.parse_args(arguments)
    board = measure(told.seed, told.seconds)
    print(json.dumps(board.table(), ensure_ascii=False, indent=1) if told.json else _text(board))
    return HELD if board.holds else BROKEN


def _text(board: Board) -> str:
    rows = []
    for name, line in board.lines.items():
        state = "ok" if line.off == 0 and line.of else "NOT MEASURED" if not line.of else "VIOLATED"
        rows.append(f"{name:<12} {line.off:>6} of {line.of:>7,}  {state:<12} {PROPERTIES[name]}")
        rows += [f"    {text}" for text in line.first]
    served = board.cells.get("A", 0) / max(1, sum(board.cells.values()))
    rows.append(
        f"{board.zones:,} of {ZONES:,} zones from seed {board.seed}, {sum(board.cells.values()):,} cells, "
        f"{served:.0%} of them served; {RELATIONS} relations; {board.seconds:.0f} s"
    )
    return "\n".join(rows)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number; give one like 60")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
