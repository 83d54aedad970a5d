"""The phrasebook: a finite table of texts, each with an id and an act, from which every message takes its words.

A risk act is worded in made-up words of its own (`surrogate`) or as its bracketed gloss (`gloss`); a withheld act is
always its opaque token. Three dials set how hard the surrogate wording is to recognise:

- `overlap`: share of the words of risk phrases that are words of small talk (each phrase keeps one made-up word);
- `drift`: share of an act's made-up words that differ between the edition detectors are trained on and the one in use;
- `obfuscation`: share of the made-up words in use that carry character noise.

Ids mean the same phrase in both editions, and everything is a pure function of the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, product
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from simharness.errors import UsageError
from simharness.streams import uniform
from simharness.world.acts import ACT_INDEX, ACTS, RISK_ACTS, Act
from simharness.world.smalltalk import common_words, expansions

Rendering = Literal["surrogate", "gloss"]
Edition = Literal["training", "use"]

# Every surrogate word is one opening, one middle and one ending. The middles hold consonants that no English word
# joins this way, so no combination is a word; openings are two letters and middles three, so a word splits in one way
# only; no middle is another with its consonants swapped and no word holds a double letter, so character noise can
# always be undone and never turns one word into another. Tests check all combinations.
# fmt: off
OPENINGS: Final = (
    "va", "ve", "vo", "ta", "te", "ne", "no", "lu", "mi", "mu", "ra", "re", "so", "se", "zo", "ze", "ya", "yo",
)
# fmt: on
MIDDLES: Final = ("lmu", "rzu", "zdo", "nvu", "lru", "mze", "vlo", "dvu", "zgo", "zma", "nlo", "mru", "lzo", "vru")
ENDINGS: Final = ("", "n", "l", "r", "s", "ta", "ri", "ne", "da", "mi")

BENIGN_PHRASES: Final = 100  # per benign act
RISK_PHRASES: Final = 80  # per risk act in the surrogate rendering; one, its gloss, in the gloss rendering
VOCABULARY_SIZE: Final = 40  # made-up words per risk act in one edition
SHORTEST, LONGEST = 3, 7  # words in a risk phrase
_STRIDE = 2**20  # addresses reserved per act: adding a word or phrase to one act moves no draw of another


@dataclass(frozen=True, slots=True, eq=False)
class Phrasebook:
    """A table of texts; a phrase's id is its position in `texts`. An act's phrases are contiguous and equally likely.

    `act_of` (uint8, one per phrase) indexes `ACTS`. `first` and `count` (int64, one per act): the act's ids are
    `first[a] .. first[a] + count[a] - 1`. The arrays are read-only. `follows` (int64, one per phrase; empty where none
    has one): id of the text that is always sent right after a phrase, -1 for none; such texts stand behind all others.
    """

    texts: tuple[str, ...]
    act_of: NDArray[np.uint8]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    rendering: Rendering
    follows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def phrases_of(self, act_name: str) -> tuple[str, ...]:
        """The texts of one act, in id order. Raises UsageError for a name that is not in `ACTS`."""
        index = _act_index(act_name)
        start = int(self.first[index])
        return self.texts[start : start + int(self.count[index])]


def build_phrasebook(
    seed: int,
    rendering: Rendering,
    *,
    overlap: float,
    drift: float,
    obfuscation: float,
    edition: Edition,
    switching: float = 0.0,
) -> Phrasebook:
    """The phrasebook of one scenario. `seed` in [0, 2**64); the dials are shares in [0, 1] and do not touch the
    glosses. `switching`: share of the risk phrases in use that are written in the other rendering.

    Raises UsageError for a dial outside [0, 1] and for an unknown rendering or edition.
    """
    _check_choice("rendering", rendering, ("surrogate", "gloss"))
    _check_choice("edition", edition, ("training", "use"))
    _check_shares(overlap=overlap, drift=drift, obfuscation=obfuscation, switching=switching)
    noise = obfuscation if edition == "use" else 0.0
    by_act: list[Sequence[str]] = []
    for act in ACTS:
        if act.kind == "benign":
            by_act.append(_benign_phrases(seed, act))
        elif act.kind == "risk" and (rendering == "surrogate" or switching > 0.0):
            vocabulary = surrogate_vocabulary(seed, act.name, drift, edition)
            worded = _risk_phrases(seed, act, vocabulary, overlap, noise)
            switched = uniform(seed, "phrasebook.switched", _addresses(ACT_INDEX[act.name], len(worded))) < switching
            glossed = (switched & (edition == "use")) == (rendering == "surrogate")
            by_act.append([act.gloss if plain else text for plain, text in zip(glossed, worded, strict=True)])
        else:
            by_act.append((act.gloss,))
    counts = np.array([len(phrases) for phrases in by_act], np.int64)
    first = np.cumsum(counts) - counts
    act_of = np.repeat(np.arange(len(ACTS), dtype=np.uint8), counts)
    for array in (counts, first, act_of):
        array.flags.writeable = False
    return Phrasebook(tuple(text for phrases in by_act for text in phrases), act_of, first, counts, rendering)


def surrogate_vocabulary(seed: int, act: str, drift: float, edition: Edition) -> tuple[str, ...]:
    """The made-up words of the risk act `act` in an edition, `VOCABULARY_SIZE` of them, shared with no other act.

    In the "use" edition a share `drift` of the words (rounded to whole words; a larger share keeps the smaller one's
    changes) is replaced; position i corresponds in both editions. Raises UsageError if `act` is not a risk act.
    """
    _check_choice("edition", edition, ("training", "use"))
    _check_shares(drift=drift)
    _check_choice("act", act, tuple(risk.name for risk in RISK_ACTS))
    slot = [risk.name for risk in RISK_ACTS].index(act) * 2 * VOCABULARY_SIZE
    words = _shuffled_words(seed)
    trained = words[slot : slot + VOCABULARY_SIZE]
    if edition == "training":
        return trained
    fresh = words[slot + VOCABULARY_SIZE : slot + 2 * VOCABULARY_SIZE]
    order = np.argsort(uniform(seed, "phrasebook.drift", _addresses(ACT_INDEX[act], VOCABULARY_SIZE)), kind="stable")
    changed = set(order[: int(drift * VOCABULARY_SIZE + 0.5)].tolist())
    return tuple(fresh[i] if i in changed else trained[i] for i in range(VOCABULARY_SIZE))


@lru_cache(maxsize=16)
def _shuffled_words(seed: int) -> tuple[str, ...]:
    """All surrogate words in an order of the seed's own; acts take consecutive runs of it, so none shares a word."""
    words = ["".join(parts) for parts in product(OPENINGS, MIDDLES, ENDINGS)]
    order = np.argsort(uniform(seed, "phrasebook.words", np.arange(len(words))), kind="stable")
    return tuple(words[i] for i in order)


def _benign_phrases(seed: int, act: Act) -> list[str]:
    """`BENIGN_PHRASES` of the act's small-talk texts, chosen without replacement, in template order."""
    texts = expansions(act.name)
    draws = uniform(seed, "phrasebook.smalltalk", _addresses(ACT_INDEX[act.name], len(texts)))
    order = np.argsort(draws, kind="stable")
    return [texts[i] for i in np.sort(order[:BENIGN_PHRASES])]


def _risk_phrases(seed: int, act: Act, vocabulary: tuple[str, ...], overlap: float, noise: float) -> list[str]:
    """The surrogate phrases of an act; a word is noisy with probability `noise`, separately in each place it stands."""
    codes = _distinct_sentences(seed, act, overlap)
    addresses = _addresses(ACT_INDEX[act.name], codes.size).reshape(codes.shape)
    words = np.array(vocabulary + common_words() + ("",), object)[codes]
    hit = (uniform(seed, "phrasebook.noise", addresses) < noise) & (codes >= 0) & (codes < VOCABULARY_SIZE)
    kinds, places, digits = (uniform(seed, "phrasebook.noise_detail", addresses, part) for part in range(3))
    for at in zip(*np.nonzero(hit), strict=True):
        words[at] = _with_noise(words[at], kinds[at], places[at], digits[at])
    return [" ".join(row[:length]) for row, length in zip(words, np.sum(codes >= 0, axis=1), strict=True)]


def _distinct_sentences(seed: int, act: Act, overlap: float) -> NDArray[np.int64]:
    """Sentences as codes, shape (RISK_PHRASES, LONGEST), no two rows alike; a repeat is drawn again at the next
    occasion.

    A code below VOCABULARY_SIZE is a made-up word, a higher one a word of `common_words`, -1 the end of the sentence.
    Codes do not depend on the edition, so an id is the same sentence in both.
    """
    codes = _sentences(seed, act, overlap, 0)
    for occasion in count(1):
        _, kept = np.unique(codes, axis=0, return_index=True)
        repeats = np.setdiff1d(np.arange(len(codes)), kept)
        if not repeats.size:
            break
        codes[repeats] = _sentences(seed, act, overlap, occasion)[repeats]
    return codes


def _sentences(seed: int, act: Act, overlap: float, occasion: int) -> NDArray[np.int64]:
    """One drawing of all the act's sentences as codes; one place per sentence is kept from `overlap`."""
    rows = _addresses(ACT_INDEX[act.name], RISK_PHRASES)
    cells = _addresses(ACT_INDEX[act.name], RISK_PHRASES * LONGEST).reshape(RISK_PHRASES, LONGEST)
    length = SHORTEST + _below(LONGEST - SHORTEST + 1, uniform(seed, "phrasebook.length", rows, occasion))
    kept = _below(length, uniform(seed, "phrasebook.kept", rows, occasion))
    made_up = _below(VOCABULARY_SIZE, uniform(seed, "phrasebook.word", cells, occasion))
    common = _below(len(common_words()), uniform(seed, "phrasebook.common", cells, occasion)) + VOCABULARY_SIZE
    place = np.arange(LONGEST)
    mixed = (uniform(seed, "phrasebook.overlap", cells, occasion) < overlap) & (place != kept[:, None])
    return np.where(place < length[:, None], np.where(mixed, common, made_up), -1)


def _with_noise(word: str, kind: float, place: float, digit: float) -> str:
    """`word` with a letter doubled, its two middle consonants swapped, or a digit put in: a third of `kind` each."""
    match int(3 * kind):
        case 0:
            at = int(place * len(word))
            return word[: at + 1] + word[at:]
        case 1:
            return word[:2] + word[3] + word[2] + word[4:]
        case _:
            at = 1 + int(place * len(word))
            return word[:at] + str(int(10 * digit)) + word[at:]


def _below(bound: int | NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers in [0, bound), equally likely, by inverse CDF."""
    return np.asarray(draws * bound).astype(np.int64)


def _addresses(act_index: int, size: int) -> NDArray[np.uint64]:
    """`size` consecutive entities of an act's own range."""
    return np.arange(act_index * _STRIDE, act_index * _STRIDE + size, dtype=np.uint64)


def phrase_addresses(book: Phrasebook) -> NDArray[np.uint64]:
    """The entity of each phrase that has no other before it, shape (phrases,): its place in its act's own range."""
    return np.concatenate([_addresses(act, int(size)) for act, size in enumerate(book.count)])


def _act_index(name: str) -> int:
    _check_choice("act", name, tuple(ACT_INDEX))
    return ACT_INDEX[name]


def _check_choice(where: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"phrasebook.{where}", f"unknown name {value!r}", allowed=", ".join(allowed))


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:  # also refuses nan
            hint = "A dial is a share of words: 0 leaves the wording alone, 1 changes all of it."
            raise UsageError(f"phrasebook.{name}", f"expected a share, got {share}", allowed="0 to 1", hint=hint)
