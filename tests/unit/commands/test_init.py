"""``simharness init``: what it writes works as it is, also where simharness was installed from a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OWN = (
    "README.md",
    "detector.py",
    "requirements.txt",
    "scenario.schema.json",
    "scenario.yaml",
    "simharness.gitlab-ci.yml",
    "suites/cases/README.md",
    "suites/smoke.yaml",
    "test_detector.py",
    ".github/workflows/simharness.yml",
)
COPIED = ("england_wales_2017.yaml", "base/behaviour.yaml", "base/response.yaml", "data/police_force_areas.csv")
LONGEST_S = 300.0
Main = Callable[..., tuple[int, str, str]]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def python(*words: object, folder: Path, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """This Python in a folder, with simharness from ``path``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMHARNESS_")}
    command = [sys.executable, *map(str, words)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(path)},
        text=True,
        timeout=LONGEST_S,
        check=False,
        **streams,  # type: ignore[call-overload]
    )


def test_a_project_is_written_into_a_new_folder(main: Main, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "mine"
    code, out, err = main("init", folder)
    assert (code, err) == (0, "")
    assert set(files(folder)) == {*OWN, *(f"base/{name}" for name in COPIED)}
    for name in COPIED:
        assert (folder / "base" / name).read_bytes() == (ROOT / "scenarios" / name).read_bytes()
    assert f"Wrote {len(OWN) + len(COPIED)} files to {folder}" in out and f"cd {folder}" in out
    assert main("validate", folder / "scenario.yaml") == (0, f"{folder / 'scenario.yaml'}: ok\n", "")


def test_without_a_folder_it_is_written_here(main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = main("init")
    assert code == 0 and "cd " not in out
    assert set(OWN) < set(files(tmp_path))


@pytest.mark.parametrize("name", ["detector.py", "base/base/response.yaml", ".github/workflows/simharness.yml"])
def test_nothing_is_overwritten_and_nothing_is_written_then(main: Main, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    (tmp_path / "notes.txt").write_text("also mine")
    before = files(tmp_path)
    code, out, err = main("init", tmp_path)
    assert (code, out) == (2, "")
    assert str(tmp_path / name) in err and "Nothing was written" in err
    assert files(tmp_path) == before


def test_other_files_in_the_folder_do_no_harm(main: Main, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main("init", tmp_path)[0] == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_is_a_file_is_refused(main: Main, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    code, _, err = main("init", tmp_path / "taken")
    assert (code, "Traceback" in err) == (2, False)
    assert "cannot be written" in err and (tmp_path / "taken").read_text() == "mine"


def test_the_written_test_passes_and_fails_with_the_detector(main: Main, tmp_path: Path) -> None:
    assert main("init", tmp_path)[0] == 0
    good = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--ignore=suites", folder=tmp_path)
    assert good.returncode == 0 and "2 passed" in good.stdout, good.stdout
    detector = tmp_path / "detector.py"
    detector.write_text(detector.read_text().replace("range = (0.0, 1.0)", "range = (0.0, 0.25)"))
    bad = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--ignore=suites", folder=tmp_path)
    assert bad.returncode == 1 and "1 failed, 1 passed" in bad.stdout, bad.stdout
    assert "outside the declared range" in bad.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with simharness as its wheel has it, and nothing else of this checkout."""
    pytest.importorskip("hatchling", reason="builds the wheel: pip install 'simharness[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    tools = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    build = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, ROOT)
    made = python(*build, folder=folder, path=Path(tools))
    assert made.returncode == 0, made.stdout
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in [*(ROOT / "scenarios").rglob("*.*"), *(ROOT / "simharness" / "templates").glob("*")]:
        assert str(path.relative_to(ROOT)) in names, path
    target = folder / "site"
    put = python("-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target, wheel, folder=folder)
    assert put.returncode == 0, put.stdout
    return target


def test_a_project_works_from_an_installed_wheel(installed: Path, tmp_path: Path) -> None:
    found = python("-c", "import simharness, detectors; print(simharness.__file__)", folder=tmp_path, path=installed)
    assert found.stdout.strip() == str(installed / "simharness" / "__init__.py")
    cli = ("-m", "simharness.cli")
    made = python(*cli, "init", "mine", folder=tmp_path, path=installed)
    assert made.returncode == 0, made.stdout
    assert set(files(tmp_path / "mine")) == {*OWN, *(f"base/{name}" for name in COPIED)}
    valid = python(*cli, "validate", "scenario.yaml", folder=tmp_path / "mine", path=installed)
    assert (valid.returncode, valid.stdout) == (0, "scenario.yaml: ok\n")
    refused = python(*cli, "check-detector", "nonsense", folder=tmp_path, path=installed)
    assert refused.returncode == 2 and "unknown detector 'nonsense'" in refused.stdout  # the scenario was found
