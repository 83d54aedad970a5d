"""Every stream name, read from the source: no two names share a number, no name serves two purposes by accident.

Two decisions that draw from one stream are one decision: the same children would be alerted and displaced. A name is
followed from its literal to `stream_id` through every function that hands it on, so a new helper needs no entry here.
A name that cannot be read from the source fails the test as well: it could be any name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from simharness.streams import stream_id

ROOT = Path(__file__).parents[2]
NUMBERS = 64
# f-strings with a number in them, checked for the numbers 0 to 63.
NUMBERED = {"child.member.{}": "the platforms of a scenario"}
# Names drawn from in more than one place on purpose.
SHARED = {
    "child.member.{}": "outcomes draw again on which platforms a child is, as when the contact was placed",
    "code.covered": "whether the code covers a conversation, grooming or harmless",
    "seed.phrasebook": "the training world speaks an edition of the same phrasebook",
}

Key = tuple[str, str]  # of a function: module ("" for a method, whose class is not known at the call) and name
Parameter = tuple[Key, str]
Place = tuple[str, int, int]  # module, line and column of the call that names a stream
STREAM_ID: Key = ("simharness.streams", "stream_id")


class UnreadableError(Exception):
    """A name that is not in the source as text."""


@dataclass(frozen=True)
class Form:
    """A stream name as far as a function knows it: text, or text around one of its parameters."""

    before: str
    parameter: Parameter | None = None
    after: str = ""

    def __add__(self, other: Form) -> Form:
        if self.parameter and other.parameter:
            raise UnreadableError
        if self.parameter:
            return Form(self.before, self.parameter, self.after + other.before)
        return Form(self.before + other.before, other.parameter, other.after)


@dataclass
class Module:
    name: str
    tree: ast.Module
    imported: dict[str, Key] = field(default_factory=dict)  # local name: module and name there

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        local = (node for node in self.tree.body if isinstance(node, ast.FunctionDef))
        self.imported |= {node.name: (self.name, node.name) for node in local}

    def key(self, function: ast.expr) -> Key | None:
        """The function that an expression names."""
        if isinstance(function, ast.Name):
            return self.imported.get(function.id)
        if isinstance(function, ast.Attribute):
            of_module = isinstance(function.value, ast.Name) and self.imported.get(function.value.id)
            return (".".join(of_module), function.attr) if of_module else ("", function.attr)
        return None


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: the functions around it, innermost first."""

    module: Module
    functions: tuple[tuple[Key, ast.FunctionDef], ...] = ()

    def forms(self, node: ast.expr) -> set[Form]:
        """Every stream name that an expression can be. Raises UnreadableError."""
        match node:
            case ast.Constant(value=str(text)):
                return {Form(text)}
            case ast.BinOp(op=ast.Add()):
                return {left + right for left in self.forms(node.left) for right in self.forms(node.right)}
            case ast.IfExp():
                return self.forms(node.body) | self.forms(node.orelse)
            case ast.JoinedStr():
                found = {Form("")}
                for part in node.values:
                    found = {left + right for left in found for right in self.part(part)}
                return found
            case ast.Name():
                return self.named(node.id)
        raise UnreadableError

    def part(self, node: ast.expr) -> set[Form]:
        if not isinstance(node, ast.FormattedValue):
            return self.forms(node)
        try:
            return self.forms(node.value)
        except UnreadableError:
            return {Form("{}")}

    def named(self, name: str) -> set[Form]:
        for depth, (key, function) in enumerate(self.functions):
            found = {form for value in _assigned(function, name) for form in Scope(*self.rest(depth)).forms(value)}
            found |= {Form("", (key, name))} if name in _parameters(function) else set()
            if found:
                return found
        outermost = Scope(self.module)
        found = {form for value in _assigned(self.module.tree, name) for form in outermost.forms(value)}
        if not found:
            raise UnreadableError
        return found

    def rest(self, depth: int) -> tuple[Module, tuple[tuple[Key, ast.FunctionDef], ...]]:
        return self.module, self.functions[depth:]


parsed = cache(ast.parse)


def _assigned(owner: ast.FunctionDef | ast.Module, name: str) -> list[ast.expr]:
    return [
        node.value
        for node in (ast.walk(owner) if isinstance(owner, ast.FunctionDef) else owner.body)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]


def _parameters(function: ast.FunctionDef) -> list[str]:
    """Names of the parameters in order, without the object of a method, keyword-only ones last."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in names if name not in ("self", "cls")] + [each.arg for each in function.args.kwonlyargs]


def _calls(node: ast.AST, scope: Scope, in_class: bool = False) -> Iterator[tuple[ast.Call, Scope]]:
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef):
            key = ("" if in_class else scope.module.name, child.name)
            inner = Scope(scope.module, ((key, child), *scope.functions))
        elif isinstance(child, ast.Call):
            yield child, scope
        yield from _calls(child, inner, isinstance(child, ast.ClassDef))


def _argument(call: ast.Call, parameters: Sequence[str], name: str) -> ast.expr | None:
    if name not in parameters:  # another class's method of the same name
        return None
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    place = parameters.index(name)
    if any(isinstance(each, ast.Starred) for each in call.args[: place + 1]) or None in given:
        raise UnreadableError
    return given.get(name) or (call.args[place] if place < len(call.args) else None)


class Names:
    """The stream names of some modules (name: source): in `found` each with its (place, template) pairs."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        modules = [Module(name, parsed(text)) for name, text in sources.items()]
        self.found: dict[str, set[tuple[Place, str]]] = {}
        self.unreadable: set[str] = set()
        # What reaches stream_id: a parameter, and the text put before and after it on the way.
        self.reaching: dict[Parameter, set[tuple[str, str]]] = {(STREAM_ID, "name"): {("", "")}}
        self.parameters: dict[Key, list[list[str]]] = {}
        self.calls: dict[Key | None, list[tuple[ast.Call, Scope]]] = {}
        for module in modules:
            self.define(module.tree, module.name)
            for call, scope in _calls(module.tree, Scope(module)):
                self.calls.setdefault(module.key(call.func), []).append((call, scope))
        known = -1
        while known != (known := sum(map(len, self.reaching.values()))):
            for function, name in list(self.reaching):
                self.follow(function, name)
        for module in modules:
            self.require_called(module)

    def define(self, node: ast.AST, owner: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                self.parameters.setdefault((owner, child.name), []).append(_parameters(child))
            self.define(child, "" if isinstance(child, ast.ClassDef) else owner)

    def follow(self, function: Key, name: str) -> None:
        """Read what every call of a function gives for a parameter."""
        around = set(self.reaching[function, name])
        for (call, scope), parameters in product(self.calls.get(function, []), self.parameters[function]):
            try:
                argument = _argument(call, parameters, name)
                forms = scope.forms(argument) if argument else set()
            except UnreadableError:
                self.unreadable.add(f"{scope.module.name}:{call.lineno}: {ast.unparse(call.func)}")
                continue
            for form in forms:
                self.record(form, around, (scope.module.name, call.lineno, call.col_offset))

    def record(self, form: Form, around: set[tuple[str, str]], place: Place) -> None:
        if form.parameter:
            reached = self.reaching.setdefault(form.parameter, set())
            reached |= {(before + form.before, form.after + after) for before, after in around}
            return
        for before, after in around:
            template = before + form.before + after
            numbers = range(NUMBERS) if "{}" in template else [""]
            for number in numbers:
                self.found.setdefault(template.replace("{}", str(number)), set()).add((place, template))

    def require_called(self, module: Module) -> None:
        """A function that is handed on as a value takes its stream where nobody looks."""
        called = {id(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        functions = {key for key, _ in self.reaching}
        loaded = (
            node for node in ast.walk(module.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )
        for node in loaded:
            if id(node) not in called and module.imported.get(node.id) in functions:
                self.unreadable.add(f"{module.name}:{node.lineno}: {node.id} is not called")


def problems(names: Names, shared: Mapping[str, str] = SHARED, number: Callable[[str], int] = stream_id) -> list[str]:
    """What is wrong with the names, one line each."""
    told = [f"{place}: no stream name can be read here" for place in sorted(names.unreadable)]
    owner: dict[int, str] = {}
    several: dict[str, set[Place]] = {}
    for name, uses in sorted(names.found.items()):
        if (other := owner.setdefault(number(name), name)) != name:
            told.append(f"{other} and {name} have the number {number(name)}: rename one")
        if len(uses) > 1:
            for _, template in uses:
                several.setdefault(template, set()).update(place for place, _ in uses)
    for name in sorted(several.keys() - shared.keys()):
        modules = sorted({module for module, _, _ in several[name]})
        told.append(f"{name}: drawn from in {len(several[name])} places, in {', '.join(modules)}")
    told += [f"{name}: not shared, take it off the list" for name in sorted(shared.keys() - several.keys())]
    templates = {template for uses in names.found.values() for _, template in uses if "{}" in template}
    told += [f"{name}: an f-string that is not on the list" for name in sorted(templates - NUMBERED.keys())]
    return told


def sources() -> dict[str, str]:
    paths = [path for package in ("simharness", "detectors") for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture(scope="module")
def real() -> dict[str, str]:
    return sources()


def test_every_stream_has_a_number_and_a_purpose_of_its_own(real: dict[str, str]) -> None:
    assert problems(Names(real)) == []


def test_names_are_found_however_they_reach_the_draw(real: dict[str, str]) -> None:
    """One for each way: a check that finds nothing finds no fault."""
    found = Names(real).found
    assert found.keys() >= {
        "message",  # stream_id itself
        "bootstrap",  # a constant of the module
        "offender.rate",  # uniform
        "offender.type",  # a private helper
        "offender.contact",  # poisson_contacts, which draws in a kernel
        "offender.platform",  # a keyword, handed on twice
        "contact_abuse",  # delayed
        "contact_abuse.delay",  # delayed, which adds to the name
        "child.block.delay",  # a method that adds to the name
        "review.time",  # Draws.delay
        "review.verdict",  # Draws.uniform
        "child.alerted",  # one of several, chosen by what is done
        "child.block_suggested",
        "child.member.0",  # an f-string of a number
        "child.member.63",
        "seed.replication",  # derive_seed
        "keyword.known",  # a detector
    }
    assert "seed." not in found
    assert not [name for name in found if "{" in name]


# Two made-up names with one number, found by trying some thousands.
TWINS = ("planted.18984", "planted.20710")


def test_two_names_with_one_number_are_found(real: dict[str, str]) -> None:
    one, other = TWINS
    assert stream_id(one) == stream_id(other)
    text = f"from simharness.streams import uniform\nuniform(1, {one!r}, 2)\nuniform(1, {other!r}, 2)\n"
    expected = f"{one} and {other} have the number {stream_id(one)}: rename one"
    assert problems(Names(real | {"detectors.planted": text})) == [expected]


def test_a_number_shared_inside_an_f_string_is_found(real: dict[str, str]) -> None:
    def number(name: str) -> int:
        return stream_id("message" if name == "child.member.63" else name)

    assert problems(Names(real), number=number) == [
        f"child.member.63 and message have the number {stream_id('message')}: rename one"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from simharness.streams import uniform\nuniform(1, 'review.time', 2)",
         "review.time: drawn from in 2 places, in detectors.planted, simharness.response.review"),
        ("from simharness.streams import uniform as u\nu(seed=1, stream='contact_abuse' + '.delay', entity=2)",
         "contact_abuse.delay: drawn from in 2 places, in detectors.planted, simharness.world.natural"),
        ("from simharness import streams\nstreams.draw(1, 'message', 2)",
         "message: drawn from in 2 places, in detectors.planted, simharness.world.messages"),
        ("def f(case, row):\n    case.draws.delay('police.effort', None, row)",
         "police.effort: drawn from in 2 places, in detectors.planted, simharness.response.police"),
        ("from simharness.streams import stream_id\ndef f(kind):\n    return stream_id('seed.' + kind)\nf('training')",
         "seed.training: drawn from in 2 places, in detectors.planted, simharness.detection.training"),
        ("from simharness.streams import uniform\nuniform(1, 'planted', 2)\nuniform(1, 'planted', 3)",
         "planted: drawn from in 2 places, in detectors.planted"),
        ("from simharness.streams import uniform\nNAMES = ['a']\nuniform(1, NAMES[0], 2)",
         "detectors.planted:3: uniform: no stream name can be read here"),
        ("from simharness.streams import uniform\nfor name in 'ab':\n    uniform(1, name, 2)",
         "detectors.planted:3: uniform: no stream name can be read here"),
        ("from simharness.streams import uniform\nuniform(1, *['a', 2])",
         "detectors.planted:2: uniform: no stream name can be read here"),
        ("from functools import partial\nfrom simharness.streams import uniform\nf = partial(uniform, 1)",
         "detectors.planted:3: uniform is not called: no stream name can be read here"),
        ("from simharness.streams import uniform\nfor i in range(3):\n    uniform(1, f'planted.{i}', 2)",
         "planted.{}: an f-string that is not on the list"),
    ],
)  # fmt: skip
def test_a_planted_name_is_found(real: dict[str, str], text: str, told: str) -> None:
    assert problems(Names(real | {"detectors.planted": text})) == [told]


def test_names_like_those_of_other_packages_are_left_alone(real: dict[str, str]) -> None:
    text = "from joblib import delayed\ndelayed(print)(3)\ndef uniform(low, high): ...\nuniform(1, 'message')\n"
    assert problems(Names(real | {"detectors.planted": text})) == []


def test_an_entry_of_the_list_that_is_no_longer_needed_is_found(real: dict[str, str]) -> None:
    told = problems(Names(real), SHARED | {"review.time": "planted"})
    assert told == ["review.time: not shared, take it off the list"]
