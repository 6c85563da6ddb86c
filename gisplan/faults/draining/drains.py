"""Drains: every check of a service whose water runs downhill, on one picture of how it runs."""

from __future__ import annotations

from gisplan.faults.draining.gravity import Flow
from gisplan.faults.draining.manholes import manholes
from gisplan.faults.draining.reversal import turned
from gisplan.faults.draining.sewers import sewers
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement


def drains(judgement: Judgement, key: str) -> list[Found]:
    """Check the levels, directions and sizes of a service that drains, its joints and its manholes.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service; of one that does not drain there is nothing to check.
    """
    if not judgement.candidates[key].network.service.directed:
        return []
    flow = Flow.of(judgement, key)
    wrong = turned(flow, judgement.survey.profile.inspections["invert_error"].value)
    return sewers(judgement, key, flow, wrong) + manholes(judgement, key, flow, wrong)
