"""What a comparison has to know of a run, read from the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simharness.errors import NotComparable, UsageError
from simharness.metrics.rows import Row
from simharness.pairing import Known
from simharness.provenance import table_digest
from simharness.report.content import read_run
from simharness.store import MANIFEST, METRICS, RESOLVED_SCENARIO, TABLES, RunFolder

_FORM = (pa.ArrowInvalid, YAMLError, KeyError, TypeError, ValueError)  # what a damaged file ends in


def known_of(folder: RunFolder) -> Known:
    """What is known of a run. Raises NotComparable where it has no results, or damaged ones, or of another schema."""
    try:
        _, facts = read_run(folder)
    except UsageError as error:
        raise NotComparable(f"a run cannot be compared. {error}") from error
    with _reading(folder.path / METRICS) as path:
        rows = [Row(**row) for row in pq.ParquetFile(path).read().to_pylist()]
    with _reading(folder.path / RESOLVED_SCENARIO) as path:
        scenario = dict(YAML(typ="safe").load(path))
    with _reading(folder.path / MANIFEST):
        hashes = folder.read_manifest()["hashes"]
        return Known(facts.name, facts.digest or "", scenario, rows, hashes["data"], hashes["simharness"])


def lived(folder: RunFolder) -> dict[int, str]:
    """A digest of each cell's planned conversations and their natural course, by cell. Raises NotComparable."""
    found = {}
    for file in sorted((folder.path / TABLES / "conversations").glob("replication=*.parquet")):
        with _reading(file) as path:
            table = pq.ParquetFile(path).read()
            planned = table.filter(pc.equal(table["substitute"], 0))
        found[int(file.stem.partition("=")[2])] = table_digest(planned)
    return found


@contextmanager
def _reading(path: Path) -> Iterator[Path]:
    """Says which file could not be read, and why: the readers' own errors name neither."""
    try:
        yield path
    except (OSError, *_FORM) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else f"damaged ({type(error).__name__})"
        raise NotComparable(
            f"a run cannot be compared. {path}: cannot be read: {why}.\n"
            "  Run the scenario again, which writes its results anew; if that does not help, remove the folder first."
        ) from error
