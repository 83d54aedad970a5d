"""Fitting contact and recording rates to recorded figures, and putting them into the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simharness.calibrate import CONTACT_RATE, calibrate, write_back
from simharness.errors import UsageError
from simharness.scenario.load import Loaded, load_scenario

TOTAL = "{measure: offences, title: All, role: fitted, value: 1316, evidence: reported, source: test}"
SOUTH = (
    "{measure: offences, title: South Wales, areas: [South Wales], role: fitted, value: 74, evidence: reported, "
    "source: test}"
)


def test_a_rate_that_is_far_off_is_found_again(load: Callable[..., Loaded]) -> None:
    """Half the contacts to start from; afterwards the total lies within sampling error of the recorded one."""
    start = load("world.offenders.contact_rate.value=0.0134/day", f"recorded=[{TOTAL}, {SOUTH}]", scale=0.2)
    total, south = calibrate(start, replications=24)
    assert total.path == CONTACT_RATE and south.path == "world.recording.forces.South Wales.value"
    assert total.value == pytest.approx(0.0267 / 86400, rel=0.15)
    assert abs(total.simulated - 1316) < 4 * total.standard_error
    assert abs(south.simulated - 74) < 4 * south.standard_error
    assert 0.5 < south.value <= 1.0


def test_fitted_values_go_into_the_file_and_nothing_else_changes(load: Callable[..., Loaded], tmp_path: Path) -> None:
    start = load(f"recorded=[{TOTAL}]", scale=0.05)
    fits = calibrate(start, replications=4)
    source = Path(start.tree.positions[("name",)].file)
    text = source.read_text()
    (tmp_path / "base").mkdir()
    for extra in (*source.parent.glob("base/*.yaml"), *source.parent.glob("data/*.csv")):
        (tmp_path / extra.parent.name).mkdir(exist_ok=True)
        (tmp_path / extra.parent.name / extra.name).write_text(extra.read_text())
    copy = tmp_path / source.name
    copy.write_text(text)
    write_back(copy, fits)
    changed = [
        pair for pair in zip(text.splitlines(), copy.read_text().splitlines(), strict=True) if len(set(pair)) == 2
    ]
    assert len(changed) == 1 and changed[0][0].strip().startswith("value: 0.02")
    assert load_scenario(copy).scenario.world.offenders.contact_rate.value == pytest.approx(fits[0].value, rel=1e-4)


@pytest.mark.parametrize(
    ("assignments", "problem"),
    [
        (("recorded=[]",), "0 fitted figures without areas"),
        ((f"recorded=[{SOUTH}]",), "0 fitted figures without areas"),
        ((f"recorded=[{TOTAL}, {TOTAL}]",), "2 fitted figures without areas"),
        ((f"recorded=[{TOTAL}]", "comparator=voluntary_code"), "fitted to police alone"),
        ((f"recorded=[{TOTAL}, {SOUTH.replace('[South Wales]', '[Gwent, Kent]')}]",), "cannot be fitted"),
        ((f"recorded=[{TOTAL}, {SOUTH.replace('value: 74', 'value: 900')}]",), "even a recording rate of 1 gives"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    load: Callable[..., Loaded], assignments: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        calibrate(load(*assignments, scale=0.05), replications=4)
