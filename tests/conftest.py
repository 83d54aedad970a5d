"""Fixtures every folder of tests may use: the flagship scenario at a small scale, small grammars, whole worlds.

All of them are made once per session and shared, so treat what they give as read-only.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simharness.detection.host import NO_NETWORK
from simharness.records import ConversationBatch, Truth
from simharness.scenario.load import Loaded, load_scenario
from simharness.scenario.world import Grammar
from simharness.world.acts import ACT_INDEX, ACTS
from simharness.world.contacts import Contacts
from simharness.world.generate import Batch, World
from simharness.world.grammar import CompiledGrammar
from simharness.world.messages import NEVER, Output, Rules, generate, new_output
from simharness.world.model import WorldModel, build_model

ROOT = Path(__file__).parents[1]
FLAGSHIP = ROOT / "scenarios" / "england_wales_2017.yaml"
SMALL = 0.02  # 154,517 children, 180 offenders, some hundreds of grooming conversations
ASSUMED = {"evidence": "assumed", "source": "test"}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's terminal decides how wide a table is, and no detector in a process of its own has a network."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv(NO_NETWORK, "1")


@pytest.fixture(autouse=True, scope="session")
def ctrl_c() -> None:
    """Where the tests run in the background Ctrl-C is ignored, and the commands they start would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Files of few tests that take long. They go first: begun last, they would keep one process busy when the other is done.
LONG = ("test_detectors_page.py", "test_readme_numbers.py", "test_init_ci.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first; the others in their order (make test tells xdist to keep it)."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def load() -> Callable[..., Loaded]:
    """``load(*assignments, scale=SMALL, **changes)``: the flagship with ``--set`` assignments, loaded once each."""

    @cache
    def loaded(*assignments: str, scale: float = SMALL, **changes: Any) -> Loaded:
        return load_scenario(FLAGSHIP, assignments, scale=scale, **changes)

    return loaded


@pytest.fixture(scope="session")
def flagship(load: Callable[..., Loaded]) -> Loaded:
    """The flagship scenario as its file says, at a small scale."""
    return load()


@pytest.fixture(scope="session")
def make_model(load: Callable[..., Loaded]) -> Callable[..., WorldModel]:
    """``make_model(*assignments, **changes)``: the world model of the flagship so changed, built once each."""

    @cache
    def made(*assignments: str, **changes: Any) -> WorldModel:
        loaded = load(*assignments, **changes)
        return build_model(loaded.scenario, loaded.folder)

    return made


@pytest.fixture(scope="session")
def model(make_model: Callable[..., WorldModel]) -> WorldModel:
    """The world model of the flagship at a small scale."""
    return make_model()


@pytest.fixture(scope="session")
def whole() -> Callable[[World, Contacts], Batch]:
    """``whole(world, contacts)``: all their conversations as one Batch in arrays of its own, safe to keep."""

    def generated(world: World, contacts: Contacts) -> Batch:
        views: list[ConversationBatch] = []
        truths, stages, used = [], [], 0
        for batch in world.batches(contacts):
            view = batch.view
            copies: dict[str, Any] = {"symbol": view.symbol.copy(), "time_s": view.time_s.copy()}
            views.append(replace(view, begin=view.begin + used, end=view.end + used, moved=view.moved + used, **copies))
            truths.append(batch.truth)
            stages.append(batch.stage.copy())
            used += view.symbol.size

        def joined(kind: Any, parts: list[Any]) -> dict[str, Any]:
            names = [field.name for field in fields(kind) if field.name != "texts"]
            return {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}

        view = ConversationBatch(texts=views[0].texts, **joined(ConversationBatch, views))
        truth = Truth(**joined(Truth, truths))
        return Batch(contacts, view, truth, np.concatenate(stages))

    return generated


@pytest.fixture(scope="session")
def small_grammar() -> Callable[..., Grammar]:
    """``small_grammar(grooming, benign={}, emissions={}, background=0.0)`` from plain mappings without evidence.

    A chain is {"start": {...}, "stages": {name: {"emits", "dwell", "phases", "next"}}}. The emission "talk" is there
    already: greetings, half of them by each side.
    """
    talk = {"initiator_share": 0.5, "initiator": {"greets": 1.0}, "child": {"greets": 1.0}}

    def sourced(blocks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return {name: ASSUMED | dict(block) for name, block in blocks.items()}

    def made(
        grooming: Mapping[str, Any],
        benign: Mapping[str, Any] | None = None,
        emissions: Mapping[str, Any] | None = None,
        background: float = 0.0,
    ) -> Grammar:
        return Grammar.model_validate(
            {
                "background": ASSUMED | talk | {"share": background},
                "emissions": sourced({"talk": talk} | dict(emissions or {})),
                "grooming": sourced(grooming),
                "benign": sourced(benign or {}),
            }
        )

    return made


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Output]:
    """``simulate(grammar, n, kind=0, regime=0, start=0.0, horizon=inf, seed=1)``: the kernel alone.

    n conversations of one compiled chain, all begun at ``start``, one phrase an act, no adult to stop them. Buffers are
    cut to what was used.
    """

    def run(
        grammar: CompiledGrammar,
        n: int,
        *,
        kind: int = 0,
        regime: int = 0,
        start: float = 0.0,
        horizon: float = NEVER,
        seed: int = 1,
        messages: int = 200_000,
    ) -> Output:
        number = np.arange(len(ACTS), dtype=np.uint64)
        contacts = (
            np.arange(n, dtype=np.uint64),
            np.full(n, kind, np.uint8),
            np.full(n, regime, np.uint8),
            np.full(n, start),
        )
        adults = (np.full(n, NEVER), np.full(n, NEVER), np.zeros(n, np.bool_))
        hazard = np.zeros(len(grammar.stage_names))
        rules = Rules(ACT_INDEX["sexual"], ACT_INDEX["suggests_meeting"], 86_400.0, horizon, hazard, 0.0)
        while True:
            out = new_output(n, messages)
            seed64 = np.uint64(seed)
            if generate(grammar.tables, number, np.ones_like(number), seed64, contacts, adults, rules, out) == n:
                used = int(out.end[-1])
                return out._replace(symbol=out.symbol[:used], time=out.time[:used], stage=out.stage[:used])
            messages *= 4

    return run
