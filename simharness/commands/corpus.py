"""``simharness corpus``: read a corpus with detectors, hold its pacing against the synthetic one, write PAN layout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simharness.commands.options import load
from simharness.commands.shipped import SHIPPED
from simharness.corpora.measures import corpus_numbers, failures
from simharness.corpora.pacing import QUANTILES, SESSION_GAP_S, Compared, compare, corpus_pacing, synthetic_pacing
from simharness.corpora.reading import CorpusReading, read_corpus, readers
from simharness.corpora.records import Corpus
from simharness.corpora.source import open_corpus
from simharness.corpora.write_pan import EDITIONS, write_pan
from simharness.detection.faults import DetectorFailed
from simharness.detection.levels import UNREACHABLE
from simharness.detection.scoring import build_detectors
from simharness.errors import UsageError
from simharness.report.tables import Cell, Table
from simharness.report.terminal import console, show_tables
from simharness.report.wording import BANNER, NOT_APPLICABLE, counted, number
from simharness.run import prepare_cells
from simharness.scenario.load import Loaded, located
from simharness.world.model import Edition, WorldModel, build_model

SCENARIO = SHIPPED / "england_wales_2017.yaml"
PACING_CONVERSATIONS = 5_000  # synthetic ones: enough for a distance to be known to about 0.02
READ_BANNER = (
    "TEXT FROM OUTSIDE: read, scored and dropped. Detectors were trained, and levels set, on synthetic worlds only.",
)
# Column of a table: title and number.
_ANY = (
    ("conversations alerted on", "alerted_share"),
    ("median messages to alert", "messages_to_alert"),
    ("messages abstained on", "abstained_share"),
)
_LABELLED = (
    ("false alerts /1,000 harmless conversations", "false_alerts_per_1000_conversations"),
    ("recall", "recall"),
    ("precision", "precision"),
    ("ERDE 5", "erde_5"),
    ("ERDE 50", "erde_50"),
    ("authors: recall", "author_recall"),
    ("authors: precision", "author_precision"),
    ("authors: F 0.5", "author_f_0.5"),
)


def read(
    source: str,
    scenario: Path | None = None,
    detectors: Sequence[str] = (),
    labels: Path | None = None,
    times: Path | None = None,
    as_json: bool = False,
) -> None:
    """Print what every detector of the scenario, and those added, make of a corpus.

    Raises UsageError for what is wrong with the corpus, and DetectorFailed after the numbers where a detector failed.
    """
    corpus = open_corpus(source, labels, times)
    loaded, model = _loaded(scenario, detectors)
    with located(loaded):
        made = build_detectors(loaded.scenario.detectors, loaded.folder)
    prepared = prepare_cells(model, made)
    scorers, privileged = readers(prepared.scorers)
    reading = read_corpus(corpus, scorers, prepared.levels)
    failed = failures(reading)
    numbers = {name: corpus_numbers(reading, name) for name in reading.detectors if name not in failed}
    if as_json:
        print(json.dumps(_as_json(corpus, model, reading, numbers, failed, privileged), allow_nan=False))
    else:
        tables = _tables(corpus, reading, numbers, failed, privileged)
        show_tables(READ_BANNER, _title(corpus, reading), tables, console(sys.stdout))
    for name in failed:
        fault = reading.detectors[name].failure
        assert fault is not None
        told = f"raised {fault.type} while it read the corpus; what it said may quote the text and is not shown"
        raise DetectorFailed(fault.kind, told, name)


def pacing(source: str, scenario: Path | None = None, labels: Path | None = None, times: Path | None = None) -> None:
    """Print how the pacing of harmless synthetic conversations differs from a corpus's. Raises UsageError."""
    corpus = open_corpus(source, labels, times)
    _, model = _loaded(scenario, ())
    real, left_out = corpus_pacing(corpus.conversations)
    rows = compare(real, synthetic_pacing(model, PACING_CONVERSATIONS))
    title = f"Pacing: {corpus.name} against harmless conversations of {model.scenario.name}"
    show_tables(READ_BANNER, title, [_pacing_table(corpus, rows, left_out)], console(sys.stdout))


def write(scenario: Path, folder: Path, grooming: int, benign: int, edition: str) -> None:
    """Write a synthetic corpus in PAN-2012 layout and say what is in it. Raises UsageError."""
    chosen: Edition | None = next((each for each in EDITIONS if each == edition), None)
    if chosen is None:
        raise UsageError("--edition", f"unknown edition {edition!r}", allowed=", ".join(EDITIONS))
    _, model = _loaded(scenario, ())
    written = write_pan(model, folder, grooming, benign, chosen)
    print(BANNER)
    for path in (written.corpus, written.predators, written.times):
        print(f"written: {path}")
    print(
        f"{written.conversations:,} conversations ({written.grooming:,} grooming by "
        f"{counted(written.named, 'account')}), {written.messages:,} messages"
    )


def _loaded(scenario: Path | None, detectors: Sequence[str]) -> tuple[Loaded, WorldModel]:
    loaded = load(scenario or SCENARIO, seed=None, replications=None, scale=None, assignments=(), detectors=detectors)
    with located(loaded):
        return loaded, build_model(loaded.scenario.one_nation(), loaded.folder)


def _title(corpus: Corpus, reading: CorpusReading) -> str:
    counts = f"{reading.messages.size:,} conversations, {int(reading.messages.sum()):,} messages"
    authors = f"{counted(reading.authors, 'author')}"
    if reading.positive is None:
        return f"{corpus.name}: {counts}, {authors}, no labels"
    return f"{corpus.name}: {counts}, {authors}; {int(reading.positive.sum()):,} conversations with a predator"


def _tables(
    corpus: Corpus,
    reading: CorpusReading,
    numbers: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, str],
    privileged: Sequence[str],
) -> list[Table]:
    notes = [
        "Alert level: 1 false alert per 1,000 child-months on a synthetic calibration world, unless the scenario "
        "states another. 95 % intervals count conversations as independent.",
        *([corpus.note] if corpus.note else []),
        *(f"{name} did not finish: {why}." for name, why in failed.items()),
        *(f"{name} cannot alert: no level of it gives so few false alerts." for name in _unreachable(reading)),
        *(f"{name} is not asked: it is told the synthetic grammar and cannot read other text." for name in privileged),
        *(f"Left out: {counted(count, 'conversation')} {why}." for why, count in reading.left_out.items()),
    ]
    tables = [Table("Alerts", ("detector", *(title for title, _ in _ANY)), _rows(_ANY, numbers), tuple(notes))]
    if reading.positive is not None:
        told = (
            "ERDE: mean over conversations; only to be read beside the false alerts. Authors: an alert names the one "
            "whose message raised it; PAN-2012 ranks by F 0.5.",
        )
        columns = ("detector", *(title for title, _ in _LABELLED))
        tables.append(Table("Against the labels", columns, _rows(_LABELLED, numbers), told))
    return tables


def _unreachable(reading: CorpusReading) -> list[str]:
    return [name for name, found in reading.detectors.items() if found.alert_level >= UNREACHABLE]


def _rows(columns: Sequence[tuple[str, str]], numbers: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(((name,), *(_cell(found[key]) for _, key in columns)) for name, found in numbers.items())


def _cell(found: Mapping[str, Any]) -> Cell:
    if found["estimate"] is None:
        return (NOT_APPLICABLE,)
    share = found["unit"] == "share"
    value, low, high = (
        NOT_APPLICABLE if found[end] is None else f"{100 * found[end]:.2f}" if share else number(found[end])
        for end in ("estimate", "low", "high")
    )
    sign = " %" if share else ""
    return (f"{value}{sign}", "no interval" if found["low"] is None else f"{low} to {high}{sign}")


def _as_json(
    corpus: Corpus,
    model: WorldModel,
    reading: CorpusReading,
    numbers: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, str],
    privileged: Sequence[str],
) -> dict[str, Any]:
    positive = reading.positive
    return {
        "type": "corpus",
        "corpus": corpus.name,
        "scenario": model.scenario.name,
        "conversations": int(reading.messages.size),
        "messages": int(reading.messages.sum()),
        "authors": reading.authors,
        "conversations_with_predator": None if positive is None else int(positive.sum()),
        "left_out": dict(reading.left_out),
        "detectors": {
            name: {
                "alert_level": None if name in _unreachable(reading) else reading.detectors[name].alert_level,
                "numbers": found,
            }
            for name, found in numbers.items()
        },
        "failed": dict(failed),
        "not_asked": list(privileged),
    }


def _pacing_table(corpus: Corpus, rows: Sequence[Compared], left_out: int) -> Table:
    notes = [
        "K-S: largest difference between the two cumulative shares, 0 to 1. Wasserstein: mean distance by which one "
        "has to be moved to become the other; for gaps, in powers of ten of 1 s + gap.",
        f"Times are wall times. A session ends where nobody writes for longer than {SESSION_GAP_S / 60:.0f} minutes.",
        "By nature different: synthetic conversations are those of a child with somebody new over weeks, cut off at "
        "the end of the period; words of the synthetic text are templates, not anybody's.",
        *([corpus.note] if corpus.note else []),
        *([f"Left out: {counted(left_out, 'conversation')} with a predator."] if left_out else []),
    ]
    quantiles = "/".join(f"{100 * share:.0f}" for share in QUANTILES)
    columns = (
        "",
        f"corpus, {quantiles} % quantiles",
        f"synthetic, {quantiles} % quantiles",
        "K-S distance",
        "Wasserstein distance",
        "n corpus",
        "n synthetic",
    )
    return Table("Pacing, harmless conversations only", columns, tuple(map(_pacing_row, rows)), tuple(notes))


def _pacing_row(row: Compared) -> tuple[Cell, ...]:
    def spread(values: tuple[float, ...] | None) -> str:
        return NOT_APPLICABLE if values is None else " / ".join(number(value) for value in values)

    return (
        (row.name, f"({row.unit})"),
        (spread(row.corpus),),
        (spread(row.synthetic),),
        (number(row.kolmogorov_smirnov),),
        (number(row.wasserstein), *(() if row.wasserstein is None else (row.distance_unit,))),
        (f"{row.n_corpus:,}",),
        (f"{row.n_synthetic:,}",),
    )
