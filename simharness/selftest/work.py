"""The same run however the work is done, and another one for another seed."""

from __future__ import annotations

import pickle
from dataclasses import replace

from simharness.detection.scoring import build_detectors, release
from simharness.outcomes.cell import Cell
from simharness.outcomes.tables import cell_tables, conversations_table
from simharness.run import prepare_cells
from simharness.selftest.context import Context, live, under, with_arms
from simharness.selftest.findings import Difference, Outcome, Tables, differing_tables, outcome_of

_BATCH = 61  # conversations at a time: several batches even of a small world
_ADDED = "selftest.{}"


def same_seed_same_run(context: Context) -> Outcome:
    """Nothing is left to chance: detectors made and trained anew, and the same seed, give the same run."""
    scenario = context.scenario
    detectors = build_detectors(scenario.detectors, context.loaded.folder)
    try:
        again = live(prepare_cells(context.prepared.model, detectors), 0)
    finally:
        for detector in detectors.values():
            release(detector)
    found = differing_tables(_tables(context, again), _tables(context, context.cell(0)))
    return outcome_of("everything made ready twice, one world", _rows(context, again), found)


def another_seed_another_run(context: Context) -> Outcome:
    """The seed decides: another one is another world."""
    compared, scenario = "one world of this seed and of the next", context.prepared.model.scenario
    other = under(context.prepared, scenario.model_copy(update={"seed": scenario.seed + 1}))
    one, two = (conversations_table(context.prepared.model, cell) for cell in (context.cell(0), live(other, 0)))
    if one.num_rows and one.equals(two):
        at = Difference("", "conversations", "", f"the same {one.num_rows}", "others under another seed")
        return outcome_of(compared, "", at)
    return outcome_of(compared, f"{one.num_rows} and {two.num_rows} conversations, which differ", None)


def split_of_work(context: Context) -> Outcome:
    """How the work is divided changes nothing: other batches, and everything sent to another process and back."""
    sent = pickle.loads(pickle.dumps(context.prepared))
    cell = live(replace(sent, batch_size=_BATCH), 0)
    found = differing_tables(_tables(context, cell), _tables(context, context.cell(0)))
    compared = f"batches of {_BATCH} from a copy as another process has it, against {context.prepared.batch_size}"
    return outcome_of(compared, _rows(context, cell), found)


def added_arm_changes_no_other(context: Context) -> Outcome:
    """One more arm changes no other: policies are lived through side by side, and share draws but no state."""
    arms = context.prepared.model.scenario.arms
    living = {
        name: arm for name, arm in arms.items() if arm.detector is None or arm.detector in context.prepared.levels
    }
    twins = {_ADDED.format(name): arm for name, arm in reversed(living.items())}
    # Each arm's twin comes first, so that whatever it left behind would show.
    more = with_arms(context.prepared, twins | living, {_ADDED.format(name): name for name in living})
    expected = _tables(context, context.cell(0))
    got = {key: table for key, table in _tables(context, live(more, 0)).items() if key[1] not in twins}
    found = differing_tables(got, expected)
    compared = f"{len(living)} arm(s) alone, and after a twin of each"
    return outcome_of(compared, _rows(context, context.cell(0)), found)


def _tables(context: Context, cell: Cell) -> Tables:
    return cell_tables(context.prepared.model, cell)


def _rows(context: Context, cell: Cell) -> str:
    tables = _tables(context, cell)
    return f"{len(tables)} tables of {sum(table.num_rows for table in tables.values()):,} rows are equal"
