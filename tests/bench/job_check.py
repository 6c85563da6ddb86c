"""The check of a zone by a profile, step by step.

    python job_check.py ZONE PROFILE

Times `gisplan.read`, ``Zone.judged``, the tables of the report without sentences, and, told apart, those with every
sentence. Prints one JSON line; the memory is that of the process and its children at one moment, without sentences.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise

from memory import Watch

import gisplan
from gisplan.reading.process import clerk


def main(zone_folder: str, profile: str) -> None:
    """Check, and print what it took."""
    read, check = gisplan.read, gisplan.check  # brought in before the clock runs, as in the job
    with Watch() as watch:
        marks = [time.perf_counter()]
        zone = read(zone_folder, profile)
        marks.append(time.perf_counter())
        zone.judged()
        marks.append(time.perf_counter())
        report = check(zone)
        for table in ("grades", "readiness", "measured", "ledger", "ledger_holders", "limits"):
            getattr(report, table)
        marks.append(time.perf_counter())
    clerk.dismiss()
    began = time.perf_counter()
    for table in ("cells", "findings", "gaps"):
        getattr(report, table)
    steps = [round(b - a, 3) for a, b in pairwise(marks)]
    codes = report.grades.groupby(["service", "grade", "code"], observed=True).size().rename("n").reset_index()
    answer = dict(zip(("read_s", "judge_s", "tables_s"), steps, strict=True))
    answer |= {"total_s": round(marks[-1] - marks[0], 3), "words_s": round(time.perf_counter() - began, 3)}
    print(json.dumps({**answer, "codes": codes.to_numpy().tolist(), "peak_mib": watch.peak_mib}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
