"""Fixtures for tests of the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simharness import cli

Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def main(capsys: pytest.CaptureFixture[str]) -> Main:
    """``main(*words)``: exit code, stdout and stderr of a command run in this process."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
