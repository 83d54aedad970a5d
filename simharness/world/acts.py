"""The closed list of abstract acts: what a message does, never how it is worded.

The list is closed on purpose. A conversation, a detector's training table and the exact filter all index acts by
position, so a new act goes at the end of its kind's list, with a neutral gloss, and through the content policy test,
which keeps its own copy of the glosses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

ActKind = Literal["benign", "risk", "withheld"]


@dataclass(frozen=True, slots=True)
class Act:
    """One abstract act. `gloss` is its neutral bracketed description.

    `benign`: everyday small talk. `risk`: a platform could see it; it also occurs in harmless conversations, at other
    rates. `withheld`: never worded; the gloss is the only text it ever has.
    """

    name: str
    kind: ActKind
    gloss: str


_BENIGN: Final = (
    "greets",
    "says_goodbye",
    "school",
    "homework",
    "games",
    "music",
    "food",
    "weather",
    "sport",
    "pets",
    "television",
    "films",
    "books",
    "weekend",
    "travel",
    "hobbies",
    "thanks",
    "agrees",
    "declines",
    "laughs",
    "asks_day",
    "family_news",
    "training_times",
    "practical_help",
)

BENIGN_ACTS: Final[tuple[Act, ...]] = tuple(
    Act(name, "benign", f"[small talk: {name.replace('_', ' ')}]") for name in _BENIGN
)

RISK_ACTS: Final[tuple[Act, ...]] = (
    Act("asks_age", "risk", "[asks how old]"),
    Act("asks_area", "risk", "[asks which area]"),
    Act("asks_picture", "risk", "[asks for a picture]"),
    Act("gives_compliment", "risk", "[gives a compliment]"),
    Act("asks_feelings", "risk", "[asks about feelings]"),
    Act("shares_feelings", "risk", "[shares feelings]"),
    Act("talks_trust", "risk", "[talks about trust]"),
    Act("talks_closeness", "risk", "[talks about closeness]"),
    Act("asks_supervision", "risk", "[asks who else is there]"),
    Act("asks_private", "risk", "[asks to keep this private]"),
    Act("suggests_app", "risk", "[suggests another app]"),
    Act("offers_gift", "risk", "[offers a gift]"),
    Act("asks_relationship", "risk", "[asks about relationships]"),
    Act("suggests_meeting", "risk", "[suggests meeting]"),
)

WITHHELD_ACTS: Final[tuple[Act, ...]] = (
    Act("sexual", "withheld", "[sexual content withheld]"),
    Act("threat", "withheld", "[threat withheld]"),
)

ACTS: Final[tuple[Act, ...]] = BENIGN_ACTS + RISK_ACTS + WITHHELD_ACTS
"""All acts; an act's index is its position here."""

ACT_INDEX: Final[Mapping[str, int]] = MappingProxyType({act.name: index for index, act in enumerate(ACTS)})
"""Act name to its position in `ACTS`."""
