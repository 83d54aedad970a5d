"""What each stress dial does: to the settings of the world, to the phrasebook, and to messages as they are sent.

The message kernel knows nothing of it. Dials of the grammar change what is compiled; a phrase that is split or repeated
gets a text of its own at the end of the phrasebook, put in behind it when the kernel is done. So the truth of every
conversation stays as it is under these two, and a world without stress costs and is what it always was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.scenario.model import Scenario
from simharness.scenario.stress import EarlyMove, Stress
from simharness.scenario.world import MAX_STAGES, Chain, Emission, Grammar, Stage, World
from simharness.streams import compiled, uniform
from simharness.world.acts import ACT_INDEX, ACTS
from simharness.world.messages import Output
from simharness.world.phrasebook import Phrasebook, phrase_addresses

OFFENCE_ACT = "sexual"
HISTORY = "history"  # the stage that the dial one_hit puts before the others
_SLOW = "slow: {}"  # emission of a stage under slow_burn


def stressed(scenario: Scenario) -> Scenario:
    """The scenario with its dials carried out in its settings. Raises UsageError where the grammar has no room."""
    stress = scenario.stress
    if stress is None:
        return scenario
    world, book = scenario.world, scenario.world.phrasebook
    wording = {name: getattr(stress, name) for name in ("overlap", "drift", "obfuscation")}
    rate = world.offenders.contact_rate
    rate = rate.model_copy(update={"value": rate.value * stress.many_short})
    changed = {
        "phrasebook": book.model_copy(update={name: v for name, v in wording.items() if v is not None}),
        "offenders": world.offenders.model_copy(update={"contact_rate": rate}),
        "grammar": _grammar(world, stress),
        "pacing": {
            name: regime.model_copy(update={"between_sessions": regime.between_sessions * stress.long_gaps})
            for name, regime in world.pacing.items()
        },
    }
    return scenario.model_copy(update={"world": world.model_copy(update=changed)})


def stages_before(chain: Chain, grammar: Grammar) -> list[str]:
    """The stages stated before the first in which the offence can be committed, all of them if there is none such."""
    names = []
    for name, stage in chain.stages.items():
        if grammar.emissions[stage.emits].initiator.get(OFFENCE_ACT, 0.0) > 0.0:
            break
        names.append(name)
    return names


def _grammar(world: World, stress: Stress) -> Grammar:
    grammar = world.grammar
    background, emissions, grooming = grammar.background, dict(grammar.emissions), {}
    if stress.saturation is not None:
        background = background.model_copy(update={"share": max(background.share, stress.saturation)})
    for name, chain in grammar.grooming.items():
        stages = dict(chain.stages)
        for before in stages_before(chain, grammar) if stress.slow_burn != 1.0 else ():
            stage = stages[before]
            slow = _SLOW.format(stage.emits)
            emissions[slow] = _diluted(grammar.emissions[stage.emits], stage.emits, stress.slow_burn)
            stages[before] = stage.model_copy(update={"dwell": stage.dwell * stress.slow_burn, "emits": slow})
        for each, stage in stages.items():
            dwell = max(stage.dwell / stress.many_short, float(stage.phases))
            stages[each] = stage.model_copy(update={"dwell": dwell})
        grooming[name] = chain.model_copy(update={"stages": stages})
        if stress.one_hit is not None:
            grooming[name] = _after_history(grooming[name], name, world, stages_before(chain, grammar), stress)
    return grammar.model_copy(update={"background": background, "emissions": emissions, "grooming": grooming})


def _diluted(emission: Emission, name: str, factor: float) -> Emission:
    """Acts other than small talk are so many times rarer; each side says as much as before."""
    return emission.model_copy(
        update={side: _fewer(getattr(emission, side), name, factor) for side in ("initiator", "child")}
    )


def _fewer(weights: dict[str, float], name: str, factor: float) -> dict[str, float]:
    telling = {act for act in weights if act in ACT_INDEX and ACTS[ACT_INDEX[act]].kind != "benign"}
    total = sum(weights.values())
    rest = sum(weight for act, weight in weights.items() if act not in telling)
    if rest <= 0.0:
        problem = f"emission {name!r} has no small talk that could take the place of what is said less often"
        raise UsageError("stress.slow_burn", problem, hint="Give one of its acts of small talk a weight.")
    more = (total - (total - rest) / factor) / rest
    return {act: weight / factor if act in telling else weight * more for act, weight in weights.items()}


def _after_history(chain: Chain, name: str, world: World, before: list[str], stress: Stress) -> Chain:
    """The chain begun by talk like that of the commonest harmless contacts, its stages before the offence cut short."""
    if HISTORY in chain.stages or len(chain.stages) >= MAX_STAGES:
        problem = f"chain {name!r} has no room for a stage named {HISTORY!r}"
        raise UsageError("stress.one_hit", problem, allowed=f"fewer than {MAX_STAGES} stages, none of that name")
    assert stress.one_hit is not None
    common = max(world.benign.classes, key=lambda each: world.benign.classes[each].share)
    model = world.grammar.benign[common]
    emits = model.stages[max(model.start, key=lambda each: model.start[each])].emits
    history = Stage(emits=emits, dwell=stress.one_hit.history, next=chain.start)
    short = {each: chain.stages[each].model_copy(update={"dwell": float(chain.stages[each].phases)}) for each in before}
    return chain.model_copy(update={"start": {HISTORY: 1.0}, "stages": {HISTORY: history, **chain.stages, **short}})


def continued(book: Phrasebook, seed: int, *, split: float, repetition: float) -> Phrasebook:
    """The phrasebook with shares of its phrases sent in two messages: risk phrases split, any phrase repeated.

    A split phrase becomes its first half (of the words, the longer one); what follows stands at the end of ``texts``.
    Glosses and withheld tokens are never split; a phrase that is split is not repeated as well.
    """
    address = phrase_addresses(book)
    worded = np.array([" " in text and not text.startswith("[") for text in book.texts])
    halved = worded & (uniform(seed, "phrasebook.split", address) < split)
    halved &= np.array([act.kind == "risk" for act in ACTS])[book.act_of]
    twice = uniform(seed, "phrasebook.repeated", address) < repetition
    texts, behind = list(book.texts), np.flatnonzero(halved | twice)
    for phrase in behind:
        words = texts[phrase].split()
        half = (len(words) + 1) // 2 if halved[phrase] else len(words)
        texts[phrase] = " ".join(words[:half])
        texts.append(" ".join(words[half:] or words))
    follows = np.full(len(texts), -1, np.int64)
    follows[behind] = np.arange(len(book.texts), len(texts))
    act_of = np.append(book.act_of, book.act_of[behind])
    for array in (follows, act_of):
        array.flags.writeable = False
    return replace(book, texts=tuple(texts), act_of=act_of, follows=follows)


def moves(seed: int, conversation: NDArray[np.uint64], length: NDArray[np.int64], move: EarlyMove) -> NDArray[np.int64]:
    """How many messages each conversation sends before it goes on elsewhere; its ``length`` where it stays."""
    draw = uniform(seed, "conversation.moves_after", conversation)
    # Geometric on 1, 2, 3, ... by inverse CDF.
    after = np.ones(draw.shape) if move.after == 1.0 else 1.0 + np.floor(np.log(draw) / np.log1p(-1.0 / move.after))
    goes = uniform(seed, "conversation.moves", conversation) < move.share
    return np.where(goes, np.minimum(after, length), length).astype(np.int64)


def in_full(
    out: Output, conversations: int, follows: NDArray[np.int64], pause: float, horizon: float
) -> tuple[Output, NDArray[np.int64]]:
    """What the kernel wrote with the second message of every phrase that has one, in buffers of its own.

    Also where each message is now, and behind the last where the next would be, shape (messages + 1,). The second
    message is of the same sender and stage, ``pause`` waking seconds later or half way to what comes next: the next
    message, the end of the conversation or that of the period.
    """
    used = int(out.end[conversations - 1]) if conversations else 0
    place = np.zeros(used + 1, np.int64)
    np.cumsum(1 + (follows[out.symbol[:used] >> 1] >= 0), out=place[1:])
    size = int(place[-1])
    full = out._replace(
        symbol=np.empty(size, np.uint16),
        time=np.empty(size),
        stage=np.empty(size, np.uint8),
        begin=place[out.begin[:conversations]],
        end=place[out.end[:conversations]],
    )
    _write(out, conversations, follows, pause, horizon, full)
    return full, place


@compiled()
def _write(out: Any, conversations: Any, follows: Any, pause: Any, horizon: Any, full: Any) -> None:
    to = 0
    for i in range(conversations):
        for j in range(out.begin[i], out.end[i]):
            symbol, time = out.symbol[j], out.time[j]
            full.symbol[to] = symbol
            full.time[to] = time
            full.stage[to] = out.stage[j]
            to += 1
            second = follows[symbol >> 1]
            if second >= 0:
                until = out.time[j + 1] if j + 1 < out.end[i] else min(out.closed[i], horizon)
                full.symbol[to] = second * 2 + (symbol & 1)
                full.time[to] = time + min(pause, (until - time) / 2.0)
                full.stage[to] = out.stage[j]
                to += 1
