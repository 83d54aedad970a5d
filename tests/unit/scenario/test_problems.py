from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, field_validator, model_validator

from simharness.errors import UsageErrors
from simharness.scenario.problems import check
from simharness.scenario.source import inherit, override, read_tree
from simharness.scenario.tree import KeyPath, Position, Tree


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Order(enum.Enum):
    FIFO = "fifo"
    PRIORITY = "priority"


class Gamma(Strict):
    kind: Literal["gamma"]
    shape: Annotated[float, Field(gt=0, le=10)]


class Constant(Strict):
    kind: Literal["constant"]
    value: float


class Empirical(Strict):
    values: list[float]
    weights: list[float]


def hours(value: object) -> float:
    if not isinstance(value, str) or not value.endswith("h"):
        raise ValueError(f"missing unit in {value!r}.\nWrite 48h.")
    return float(value[:-1]) * 3600.0


Hours = Annotated[float, BeforeValidator(hours)]


class Queue(Strict):
    staff: int = Field(ge=1)
    order: Order = Order.FIFO
    limit: Annotated[int, Field(ge=1)] | Literal["none"] = "none"
    wait: Hours | Literal["never"] = "never"
    expires: Hours = Field(1.0, le=7200)


class Arm(Strict):
    law: Literal["none", "meeting"]
    queue: Queue | None = None
    delay: Annotated[Gamma | Constant, Field(discriminator="kind")] | None = None
    loose: Gamma | Constant | Empirical | float | None = None
    children: list[Arm] = []

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.law == "none" and self.queue is not None:
            raise ValueError("at queue.staff: nobody decides without a law")
        if len(self.children) > 1:
            raise ValueError("at most one child: found more")
        return self


class Scenario(Strict):
    arms: dict[str, Arm]
    day: dt.date = dt.date(2017, 4, 3)
    ages: dict[Annotated[int, Field(ge=7)], float] = {}
    by_law: dict[Literal["none", "meeting"], float] = {}
    pair: tuple[int, str] = (1, "x")
    names: Annotated[list[str], Field(min_length=1, max_length=3)] = ["x"]

    @field_validator("names")
    @classmethod
    def _distinct(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise AssertionError("names repeat")
        return value


def grow(text: str, name: str = "a.yaml") -> Tree:
    Path(name).write_text(text, encoding="utf-8")
    return read_tree(Path(name))


def messages(model: type[BaseModel], tree: Tree) -> list[str]:
    with pytest.raises(UsageErrors) as caught:
        check(model, tree)
    assert str(caught.value) == "\n".join(map(str, caught.value.errors))
    return [str(error) for error in caught.value.errors]


def model_of(kind: Any) -> type[BaseModel]:
    return create_model("Model", x=(kind, ...))


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def arm(text: str) -> list[str]:
    """The messages for one arm whose keys start on line 4."""
    lines = "\n".join(f"    {line}" for line in text.splitlines())
    return messages(Scenario, grow(f"arms:\n  early:\n    law: meeting\n{lines}\n"))


def test_a_valid_tree_becomes_the_model() -> None:
    scenario = check(Scenario, grow("arms: {early: {law: none}}\nday: 2018-01-02\n"))
    assert scenario.arms["early"].law == "none"
    assert scenario.day == dt.date(2018, 1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("queue:\n  staff: 0", "a.yaml:5: arms.early.queue.staff: expected an integer >= 1, got 0."),
        ("queue: {staff: 1.5}", "a.yaml:4: arms.early.queue.staff: expected an integer >= 1, got 1.5."),
        ("queue: {staff: null}", "a.yaml:4: arms.early.queue.staff: expected an integer >= 1, got null."),
        ("queue: 3", "a.yaml:4: arms.early.queue: expected a mapping, got 3."),
        ("queue: {}", "a.yaml:4: arms.early.queue: missing key 'staff'; allowed: an integer >= 1."),
        ("queue: {staff: 1, ordr: fifo}",
         "a.yaml:4: arms.early.queue.ordr: unknown key 'ordr'.\n  Did you mean 'order'?"),
        ("queue: {staff: 1, xyz: 1}",
         "a.yaml:4: arms.early.queue.xyz: unknown key 'xyz'; allowed: staff, order, limit, wait, expires."),
        ("queue: {staf: 1}", "a.yaml:4: arms.early.queue.staf: unknown key 'staf'.\n  Did you mean 'staff'?"),
        ("queue: {staff: 1, order: fifoo}",
         "a.yaml:4: arms.early.queue.order: unknown value 'fifoo'; allowed: fifo, priority.\n  Did you mean 'fifo'?"),
        ("queue: {staff: 1, limit: 0}",
         "a.yaml:4: arms.early.queue.limit: expected an integer >= 1 or 'none', got 0."),
        ("queue: {staff: 1, wait: 48}",
         "a.yaml:4: arms.early.queue.wait: missing unit in 48.\n  Write 48h."),
        ("queue: {staff: 1, expires: 3h}",
         "a.yaml:4: arms.early.queue.expires: expected a number <= 7200, got '3h' (read as 10800.0)."),
        ("delay: {kind: gama}",
         "a.yaml:4: arms.early.delay.kind: unknown value 'gama'; allowed: gamma, constant.\n  Did you mean 'gamma'?"),
        ("delay: {shape: 1}", "a.yaml:4: arms.early.delay: missing key 'kind'; allowed: gamma, constant."),
        ("delay: {kind: gamma, shape: 11}",
         "a.yaml:4: arms.early.delay.shape: expected a number > 0 and <= 10, got 11."),
        ("delay: {kind: gamma, shap: 1}",
         "a.yaml:4: arms.early.delay.shap: unknown key 'shap'.\n  Did you mean 'shape'?"),
        ("delay: 2h", "a.yaml:4: arms.early.delay: expected a mapping, got '2h'."),
        ("children:\n- law: none\n- law: xyz",
         "a.yaml:6: arms.early.children.1.law: unknown value 'xyz'; allowed: none, meeting."),
    ],
)  # fmt: skip
def test_one_message_per_problem(text: str, expected: str) -> None:
    assert arm(text) == [expected]


@pytest.mark.parametrize(
    ("loose", "expected"),
    [
        # A branch is meant when its kind is given, else when its keys fit best; a scalar is offered every branch.
        ("{kind: constant, value: x}", ["loose.value: expected a number, got 'x'."]),
        ("{kind: gamma, shape: 0}", ["loose.shape: expected a number > 0 and <= 10, got 0."]),
        ("{values: [1, x], weights: [1]}", ["loose.values.1: expected a number, got 'x'."]),
        ("{kind: gamma, value: 1}", ["loose: missing key 'shape'; allowed: a number > 0 and <= 10.",
                                     "loose.value: unknown key 'value'; allowed: kind, shape."]),
        ("{values: [a, b, c, d, e], weights: [1]}",
         [f"loose.values.{i}: expected a number, got '{x}'." for i, x in enumerate("abcde")]),
        ("{values: [1]}", ["loose: missing key 'weights'; allowed: a list."]),
        ("abc", ["loose: expected a mapping or a number, got 'abc'."]),
        ("[1]", ["loose: expected a mapping or a number, got a list of 1 item."]),
    ],
)  # fmt: skip
def test_a_union_tells_only_the_branch_that_was_meant(loose: str, expected: list[str]) -> None:
    assert arm(f"loose: {loose}") == [f"a.yaml:4: arms.early.{line}" for line in expected]


def test_undiscriminated_union_merges_the_kinds_it_allows() -> None:
    model = model_of(Gamma | Constant)
    expected = "a.yaml:1: x.kind: unknown value 'const'; allowed: gamma, constant.\n  Did you mean 'constant'?"
    assert messages(model, grow("x: {kind: const}\n")) == [expected]


def test_a_rule_offers_the_other_branches_as_hint() -> None:
    def word(value: object) -> object:
        raise ValueError("not a word")

    model = model_of(Annotated[str, BeforeValidator(word)] | Literal["never"] | int)
    assert messages(model, grow("x: ever\n")) == ["a.yaml:1: x: not a word.\n  Also accepted: 'never' or an integer."]


def test_a_union_of_literals_is_one_list() -> None:
    model = model_of(Literal["on"] | Order)
    expected = "a.yaml:1: x: unknown value 'fifi'; allowed: on, fifo, priority.\n  Did you mean 'fifo'?"
    assert messages(model, grow("x: fifi\n")) == [expected]


def test_branches_of_one_name_still_lead_to_the_item() -> None:
    low, high = Annotated[int, Field(ge=1)], Annotated[int, Field(ge=5)]
    lines = messages(model_of(list[low | Literal["a"]] | list[high | Literal["a"]]), grow("x:\n- 7\n- z\n"))  # type: ignore[valid-type]
    assert lines
    assert {line.split(": e")[0] for line in lines} == {"a.yaml:3: x.1"}


def test_a_key_that_is_also_the_name_of_a_branch_is_not_taken_for_one() -> None:
    model = model_of(Annotated[Gamma | Constant, Field(discriminator="kind")])
    expected = ["a.yaml:2: x.shape: expected a number > 0 and <= 10, got 0.",
                "a.yaml:3: x.gamma: unknown key 'gamma'; allowed: kind, shape."]  # fmt: skip
    assert messages(model, grow("x: {kind: gamma,\n  shape: 0,\n  gamma: 1}\n")) == expected


def test_rules_keep_their_words_and_may_point_below() -> None:
    none = "arms:\n  early:\n    law: none\n    queue:\n      staff: 2\n"
    assert messages(Scenario, grow(none)) == ["a.yaml:5: arms.early.queue.staff: nobody decides without a law."]
    two = arm("children: [{law: none}, {law: none}]")
    assert two == ["a.yaml:2: arms.early: at most one child: found more."]
    names = messages(Scenario, grow("arms: {}\nnames: [a, a]\n"))
    assert names == ["a.yaml:2: names: names repeat."]


def test_a_rule_may_point_to_a_key_that_is_not_there_and_to_one_with_a_blank() -> None:
    class Root(Strict):
        x: dict[str, int]

        @model_validator(mode="after")
        def _rule(self) -> Self:
            raise ValueError("at x.My place: no" if "My place" in self.x else "at x.y.0: no")

    assert messages(Root, grow("\nx: {a: 1}\n")) == ["a.yaml:2: x.y.0: no."]
    assert messages(Root, grow("x:\n  My place: 1\n")) == ["a.yaml:2: x.My place: no."]


def test_containers_and_keys() -> None:
    text = "arms: {}\nday: x\nages:\n  6: 0.5\n  8: z\nby_law: {meting: 1}\npair: [1]\nnames: []\n"
    assert messages(Scenario, grow(text)) == [
        "a.yaml:2: day: expected a date (YYYY-MM-DD), got 'x'.",
        "a.yaml:4: ages.6: bad key: expected an integer >= 7, got 6.",
        "a.yaml:5: ages.8: expected a number, got 'z'.",
        "a.yaml:6: by_law.meting: unknown key 'meting'.\n  Did you mean 'meeting'?",
        "a.yaml:7: pair: expected a list of 2 items, got a list of 1 item.",
        "a.yaml:8: names: expected a list of 1 to 3 items, got a list of 0 items.",
    ]


def test_a_missing_key_of_the_root_has_no_path() -> None:
    assert messages(Scenario, grow("# head\nday: 2017-04-03\n")) == [
        "a.yaml:2: missing key 'arms'; allowed: a mapping."
    ]


def test_a_key_read_by_a_validator_is_not_described_by_its_inner_type() -> None:
    model = create_model("Model", wait=(Hours, ...), y=(int, 1))
    assert messages(model, grow("y: 1\n")) == ["a.yaml:1: missing key 'wait'."]


def test_a_limit_set_outside_the_type_is_still_told() -> None:
    model = model_of(Annotated[Annotated[int, BeforeValidator(lambda v: v)] | None, Field(gt=5)])
    assert messages(model, grow("x: 3\n")) == ["a.yaml:1: x: expected greater than 5, got 3."]


def test_problems_are_sorted_by_file_and_line() -> None:
    grow("names: []\nday: x\n", "base.yaml")
    lines = messages(Scenario, grow("extends: base.yaml\nzzz: 1\narms: 1\n"))
    assert [line.split(" ")[0] for line in lines] == ["a.yaml:2:", "a.yaml:3:", "base.yaml:1:", "base.yaml:2:"]


def test_what_arms_inherit_is_told_once() -> None:
    text = "arms:\n  base: {law: xyz}\n  b: {extends: base}\n  c: {extends: b, law: none, que: 1}\n"
    assert messages(Scenario, inherit(grow(text))) == [
        "a.yaml:2: arms.base.law: unknown value 'xyz'; allowed: none, meeting.",
        "a.yaml:4: arms.c.que: unknown key 'que'.\n  Did you mean 'queue'?",
    ]


def test_an_override_is_shown_as_typed() -> None:
    tree = override(grow("arms: {e: {law: meeting, queue: {staff: 2}}}\n"), ["arms.e.queue.staff=0"])
    expected = "--set arms.e.queue.staff=0: arms.e.queue.staff: expected an integer >= 1, got 0."
    assert messages(Scenario, tree) == [expected]


def test_a_long_value_is_shortened() -> None:
    model = model_of(int)
    (line,) = messages(model, grow(f"x: {'word' * 50}\n"))
    assert line == f"a.yaml:1: x: expected an integer, got '{('word' * 50)[:56]}...."


def test_many_problems_in_a_long_file_are_told_quickly() -> None:
    data: dict[str, dict[str, Any]] = {"arms": {f"a{i}": {"law": "x"} for i in range(300)}}
    positions: dict[KeyPath, Position] = {(): Position("a.yaml", 1), ("arms",): Position("a.yaml", 1)}
    positions |= {("arms", name): Position("a.yaml", 2 * i) for i, name in enumerate(data["arms"], 1)}
    positions |= {("arms", name, "law"): Position("a.yaml", 2 * i + 1) for i, name in enumerate(data["arms"], 1)}
    assert len(messages(Scenario, Tree(data, positions))) == 300
