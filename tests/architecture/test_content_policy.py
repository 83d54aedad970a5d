"""The content policy, checked: every phrase that can be generated and every text file of the repository.

The closed list of glosses and the reserved forms are written out here a second time on purpose: a wider list in the
package fails this test until somebody widens it here as well and says why.

Forbidden words stand here as digests, so that the repository holds none of them. To add one (lower case, no
apostrophes, up to four words), print its digest in a shell and put it in DIGESTS: `sha256(SALT + term)`, first 12
hexadecimal digits. A word also matches with the endings of ENDINGS_STRIPPED. Two entries are made-up canaries, so
that the planted files below need no forbidden word. Findings name the file, line and digest, never the word.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from simharness.world.acts import ACTS
from simharness.world.phrasebook import ENDINGS, MIDDLES, OPENINGS, Phrasebook, build_phrasebook, surrogate_vocabulary
from simharness.world.smalltalk import TEMPLATES, common_words, expansions, small_talk_words

ROOT = Path(__file__).parents[2]

GLOSSES = {
    "asks_age": "[asks how old]",
    "asks_area": "[asks which area]",
    "asks_picture": "[asks for a picture]",
    "gives_compliment": "[gives a compliment]",
    "asks_feelings": "[asks about feelings]",
    "shares_feelings": "[shares feelings]",
    "talks_trust": "[talks about trust]",
    "talks_closeness": "[talks about closeness]",
    "asks_supervision": "[asks who else is there]",
    "asks_private": "[asks to keep this private]",
    "suggests_app": "[suggests another app]",
    "offers_gift": "[offers a gift]",
    "asks_relationship": "[asks about relationships]",
    "suggests_meeting": "[suggests meeting]",
}
WITHHELD = {"sexual": "[sexual content withheld]", "threat": "[threat withheld]"}

RESERVED_DOMAINS = ("example.org", "example.com", "example.net")
# Hosts a file may name, each with the reason. Add one only for a document, a licence or a format's own identifier.
ALLOWED_HOSTS = {
    "localhost": "this machine",
    "127.0.0.1": "this machine",
    "www.apache.org": "text of the licence",
    "creativecommons.org": "text of a licence",
    "www.nationalarchives.gov.uk": "Open Government Licence of the population data",
    "www.legislation.gov.uk": "the Acts the scenarios follow",
    "www.gov.uk": "official documents named as sources",
    "www.ons.gov.uk": "population and crime survey, named as sources",
    "www.ofcom.org.uk": "codes of practice named as sources",
    "doi.org": "papers named as sources",
    "json-schema.org": "identifier of the schema dialect",
    "yaml.org": "tags of the YAML types",
    "www.w3.org": "XML and SVG name spaces",
    "docs.python.org": "documentation of the language",
    "pan.webis.de": "documentation of the PAN-2012 layout",
}
RESERVED_NUMBER = re.compile(r"(0|\+?44)7700900\d{3}")
# What may follow an at sign in running text: decorators, rules of style sheets, documentation tags.
ALLOWED_AFTER_AT = set(
    re.findall(
        r"\w+",
        """
    dataclass dataclasses pytest property staticmethod classmethod functools cache lru_cache numba njit given settings
    hypothesis click media page import keyframes supports charset layer container param return file path
    """,
    )
)
SKIPPED_FOLDERS = {".git", ".venv", "node_modules", "__pycache__", ".hypothesis"} | {
    f".{tool}_cache" for tool in ("mypy", "ruff", "pytest")
}

SALT = b"simharness content policy 1:"
ENDINGS_STRIPPED = ("", "s", "es", "ed", "d", "er", "ers", "ing", "y", "ies")
DIGESTS = frozenset(
    re.findall(
        r"\b[0-9a-f]{12}\b",
        """
    053bf748b9fc 068907e7bff2 0bdc09ddf276 0e970e00beeb 0eee60eb8482 10a605446a5f 128d10dd0145 138cc60729f7 13eafa980c13
    149336a849c3 1500fb223e05 15da791a0823 1d313cb9afab 1e194aa9bd76 1ea98714c1d1 1fb0ba845039 2062730d7021 21c1b158f668
    27a358133d7c 2a65996914af 2bac76706121 2e8e1f26cab2 3190fe1cc8cc 353c52aa8c37 36a85a2439c7 36c056dd1f43 3b042e46e0ba
    3c9bc477c0a8 3d722763ec05 40e317319592 41eba2cc5b0e 44b51cdbda00 476922fb7eb5 4bb1c1476ede 4c9ecdd96d1f 4e59555a4f99
    5206811ed689 530e07c186f7 53ba851b4520 58314c65fd78 5b31f9c98c8d 5e8d334c9044 641721ad4521 64d76da0dd32 65225d2c3087
    657a84f0c5a3 67f2bd45fa66 6c2d363bd61a 6e17356bf76b 6f0d25cffcef 718fb8ffa201 71e45be3226d 75a18bd99bd5 762c5ad32c02
    762ef8983f44 7a71c5fdf567 7e2d5f4657a8 81cf5c8b556a 8570ad5aa6ad 8580a1e5bdd5 880aa063bed6 89cba14b05f0 8b1d470311b4
    8b96e0c5ac59 8d3184c08047 8d8d14ef649a 8e094e5b6341 8ee06ccb9e15 917861dc03e7 94f6875df316 99d5d76d9dde 9a9de705da40
    9b8607d2de72 9d425fb8d230 9ea1ad9998fb a2ed3278407d a78fd254e07a a95efc67fbde a9e3a61c7402 ac6f30102cdb ad207e3a6137
    adbbe23f3822 af9d9500e4b0 b2f2b2a70212 b5463b344e48 b81b8c9ffe79 baba6b264c7e bbd80166ced0 bdaf85904de5 bf07f3610847
    c1b53fb92176 c6e83730e318 c8c1a2f50728 c9261800b790 c93ba989b447 ccb43f3cc914 da2010443d5b da8229e7ffb6 db1ff16cddaf
    df5c920b131d e13c6664e9ba e50bd58c1fe8 e7d807e088fc e94b39bef502 ed27d1ff8f00 ee770dde7e53 ef0a0ee6591b f1313c6c2f47
    f319679abb22 f76ece7457ec fabc635680a1 fb7f377b9875 fe853c12e524
    """,
    )
)

LINK = re.compile(r"\b(?:https?|ftp)://(?:[^/\s@]*@)?([^/\s\"'<>)\]:\\`,]+)|\b(www\.[\w.-]+\w)", re.I)
BARE_DOMAIN = re.compile(r"(?<![\w@./-])((?:[a-z0-9-]+\.)+(?:com|org|net|(?:co|org|gov)\.uk))(?![\w(-]|\.\w)", re.I)
MAIL = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})\b", re.I)
HANDLE = re.compile(r"(?<![\w@./+-])@([A-Za-z]\w+)")
PHONE = re.compile(
    r"(?<![\w.,+-])(?:\+\d{1,3}[ -]?(?:\(0\)[ -]?)?\d{2,5}(?:[ -]?\d{3,4}){2}"  # +44 7700 900123
    r"|0[1-9]\d{1,3}[ -]?\d{3,4}[ -]?\d{3,4}|\(0\d{2,4}\)[ -]?\d{3,4}[ -]?\d{3,4}"  # national, with or without brackets
    r"|\(?\d{3}\)?[ -]\d{3}-\d{4})(?![\w.,]\d|\w)"  # three, three and four digits
)
WITHHELD_FORM = re.compile(r"\[[^\[\]\n]*\bwithheld\]", re.I)
GLOSS_FORM = re.compile(r"\[(?:asks|gives|shares|talks|suggests|offers)(?: [a-z]+)+\]", re.I)
TOKEN = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+(?![a-z]))(?:['\u2019][a-z]+)?")
SURROGATE = re.compile(f"(?:{'|'.join(OPENINGS)})(?:{'|'.join(MIDDLES)})(?:{'|'.join(ENDINGS)})")


@dataclasses.dataclass(frozen=True)
class Finding:
    rule: str
    where: str
    line: int
    detail: str


@cache
def word_digest(term: str) -> str | None:
    """The digest of `term` or of its stem if it is on the list."""
    for ending in ENDINGS_STRIPPED:
        stem = term.removesuffix(ending)
        if len(stem) >= 3 and (not ending or stem != term) and digest(stem) in DIGESTS:
            return digest(stem)
    return None


def digest(term: str) -> str:
    return hashlib.sha256(SALT + term.encode()).hexdigest()[:12]


def forbidden(text: str) -> Iterator[tuple[int, str]]:
    """Position and digest of every forbidden word, and of every forbidden run of two to four words."""
    found = [(match.start(), re.sub(r"['\u2019]", "", match[0]).lower()) for match in TOKEN.finditer(text)]
    words = [word for _, word in found]
    seen: dict[str, bool] = {}
    for i, (position, word) in enumerate(found):
        if (hit := word_digest(word)) is not None:
            yield position, hit
        for size in (2, 3, 4):
            run = " ".join(words[i : i + size])
            if run not in seen:
                seen[run] = digest(run) in DIGESTS
            if seen[run] and i + size <= len(words):
                yield position, digest(run)


# --- phrases ------------------------------------------------------------


def without_noise(word: str) -> str | None:
    """The made-up word behind `word`, at most one character change away; None if there is none."""
    undigit = re.sub(r"\d", "", word, count=1)
    single = re.sub(r"([a-z])\1", r"\1", word, count=1)
    swapped = word[:2] + word[3:4] + word[2:3] + word[4:]
    return next((form for form in (word, undigit, single, swapped) if SURROGATE.fullmatch(form)), None)


def phrase_problem(act: str, text: str, rendering: str, vocabulary: frozenset[str]) -> str | None:
    """What is wrong with `text` as a phrase of `act`; `vocabulary`: the act's made-up words. None if nothing is."""
    if act in WITHHELD:
        return None if text == WITHHELD[act] else "a withheld act is its token"
    if act in GLOSSES and rendering == "gloss":
        return None if text == GLOSSES[act] else "not the gloss of the closed list"
    if next(forbidden(text), None):
        return "forbidden word"
    words = text.split(" ")
    if act in TEMPLATES:
        return None if small_talk_words().issuperset(words) else "a word outside small talk"
    if act not in GLOSSES:
        return "an act outside the closed list"
    common = set(common_words())
    made_up = [word for word in words if word not in common]
    if not made_up or not 3 <= len(words) <= 7:
        return "three to seven words, one of them made up"
    return None if vocabulary.issuperset(map(without_noise, made_up)) else "a word outside the act's vocabulary"


def book_problems(book: Phrasebook, vocabularies: dict[str, frozenset[str]]) -> list[str]:
    problems = []
    for phrase_id, (text, index) in enumerate(zip(book.texts, book.act_of, strict=True)):
        act = ACTS[index].name
        if problem := phrase_problem(act, text, book.rendering, vocabularies.get(act, frozenset())):
            problems.append(f"phrase {phrase_id} ({act}): {problem}")
    return problems


def made(seed: int, rendering: Any, edition: Any, level: float) -> tuple[Phrasebook, dict[str, frozenset[str]]]:
    book = build_phrasebook(seed, rendering, overlap=level, drift=level, obfuscation=level, edition=edition)
    return book, {act: frozenset(surrogate_vocabulary(seed, act, level, edition)) for act in GLOSSES}


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("edition", ["training", "use"])
@pytest.mark.parametrize("rendering", ["surrogate", "gloss"])
def test_every_phrase_follows_the_rules(rendering: str, edition: str, level: float) -> None:
    for seed in (0, 1, 2**64 - 1):
        assert book_problems(*made(seed, rendering, edition, level)) == []


def test_all_small_talk_is_plain_lower_case_words_and_none_is_forbidden() -> None:
    for text in (text for act in TEMPLATES for text in expansions(act)):
        assert re.fullmatch(r"[a-z]+( [a-z]+)*", text)
        assert next(forbidden(text), None) is None
    assert small_talk_words().issuperset(common_words())


def test_no_made_up_word_contains_a_forbidden_word() -> None:
    """All words, not those of a few seeds; and all their parts of three letters or more, plain and with a swap."""
    for plain in ("".join(parts) for parts in product(OPENINGS, MIDDLES, ENDINGS)):
        for word in (plain, plain[:2] + plain[3] + plain[2] + plain[4:]):
            parts = {word[i:j] for i in range(len(word)) for j in range(i + 3, len(word) + 1)}
            assert not [part for part in parts if digest(part) in DIGESTS]


MADE_UP = frozenset(["velmun", "tarzuri"])


@pytest.mark.parametrize(
    ("act", "text", "rendering", "problem"),
    [
        ("school", "we had science first today", "surrogate", None),
        ("school", "we had velmun first today", "surrogate", "a word outside small talk"),
        ("school", "[asks how old]", "gloss", "a word outside small talk"),
        ("asks_age", "velmun v3elmun pasta tarrzuri", "surrogate", None),
        ("asks_age", "velmun nolmun pasta", "surrogate", "a word outside the act's vocabulary"),
        ("asks_age", "velmun today went pasta", "surrogate", "a word outside the act's vocabulary"),
        ("asks_age", "pasta monday chess", "surrogate", "three to seven words, one of them made up"),
        ("asks_age", "velmun tarzuri", "surrogate", "three to seven words, one of them made up"),
        ("asks_age", "[asks how old]", "gloss", None),
        ("asks_age", "[asks which area]", "gloss", "not the gloss of the closed list"),
        ("threat", "[threat with" + "held]", "surrogate", None),
        ("threat", "[threat with" + "held] velmun", "surrogate", "a withheld act is its token"),
        ("sexual", "velmun velmun velmun", "surrogate", "a withheld act is its token"),
        ("gossip", "velmun velmun velmun", "surrogate", "an act outside the closed list"),
        ("asks_age", "velmun velmun forbidden" + "canary", "surrogate", "forbidden word"),
    ],
)
def test_the_phrase_check_finds(act: str, text: str, rendering: str, problem: str | None) -> None:
    assert phrase_problem(act, text, rendering, MADE_UP) == problem


@pytest.mark.parametrize("phrase_id", [0, 2500, -1])
def test_one_wrong_phrase_in_a_book_is_found(phrase_id: int) -> None:
    book, vocabularies = made(0, "surrogate", "use", 0.4)
    texts = list(book.texts)
    texts[phrase_id] = "something else entirely"
    assert len(book_problems(dataclasses.replace(book, texts=tuple(texts)), vocabularies)) == 1


# --- files ------------------------------------------------------------


def text_files(root: Path) -> list[Path]:
    """Tracked files and untracked ones that are not ignored; without git, every file outside the tools' own folders."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-coz", "--exclude-standard"], capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        paths = [root / name for name in listed.stdout.split("\0") if name]
    else:
        paths = list(root.rglob("*"))
    paths = [path for path in paths if path.is_file() and SKIPPED_FOLDERS.isdisjoint(path.relative_to(root).parts)]
    return sorted(path for path in paths if b"\0" not in path.read_bytes())


def reserved(host: str) -> bool:
    return any(host.lower() == domain or host.lower().endswith("." + domain) for domain in RESERVED_DOMAINS)


def host_allowed(host: str) -> bool:
    host = host.lower().rstrip(".")
    return host in ALLOWED_HOSTS or reserved(host) or host.startswith("{")  # "{": filled in at run time


def number_allowed(number: str) -> bool:
    return RESERVED_NUMBER.fullmatch(re.sub(r"\(0\)|[^\d+]", "", number)) is not None


def handle_allowed(match: re.Match[str], text: str, python: bool) -> bool:
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    in_code = python or len(re.findall(r"^```", text[: match.start()], re.M)) % 2 == 1
    return match[1].endswith("_synth") or match[1] in ALLOWED_AFTER_AT or (in_code and not before.strip())


def found_in(text: str, python: bool) -> Iterator[tuple[str, int, str]]:
    """Rule, position and detail of everything in `text` that is outside the rules."""
    tokens = {*GLOSSES.values(), *WITHHELD.values()}
    for match in [*LINK.finditer(text), *BARE_DOMAIN.finditer(text)]:
        if not host_allowed(host := next(filter(None, match.groups()))):
            yield "link", match.start(), host
    yield from (("mail", m.start(), m[0]) for m in MAIL.finditer(text) if not reserved(m[1]))
    yield from (("handle", m.start(), m[0]) for m in HANDLE.finditer(text) if not handle_allowed(m, text, python))
    yield from (("phone", m.start(), m[0]) for m in PHONE.finditer(text) if not number_allowed(m[0]))
    yield from (("gloss", m.start(), m[0]) for m in GLOSS_FORM.finditer(text) if m[0] not in tokens)
    yield from (("withheld", m.start(), m[0]) for m in WITHHELD_FORM.finditer(text) if m[0] not in tokens)
    yield from (("word", position, hit) for position, hit in forbidden(text))


def file_findings(path: Path) -> list[Finding]:
    text = path.read_text(encoding="utf-8", errors="replace")
    found = found_in(text, path.suffix == ".py")
    return [Finding(rule, str(path), text.count("\n", 0, position) + 1, detail) for rule, position, detail in found]


def test_every_text_file_of_the_repository_follows_the_rules() -> None:
    files = text_files(ROOT)
    assert Path(__file__) in files
    assert [finding for path in files for finding in file_findings(path)] == []


# Written in pieces, because this file is checked too.
AT, DOT = "@", "."
CANARY_RUN = " ".join(reversed(["phrases", "of", "canary"]))  # a run of words is found across quotes too
PLANTED = {
    "link": [
        "see https:/" + "/chat.somewhere.io/room",
        "http:/" + "/example.org.evil.io",
        "https:/" + "/notexample" + DOT + "org",
        "www" + DOT + "somewhere.io",
        "on somewhere" + DOT + "com now",
    ],
    "mail": ["write to anna" + AT + "mail.somewhere.io", "anna" + AT + "notexample" + DOT + "org"],
    "handle": ["ask " + AT + "annasmith for more", "a list: (" + AT + "anna_99)", AT + "annasmith said so"],
    "phone": [
        "ring 07" + "911 123456",
        "ring 07" + "911123456.",
        "+44 7" + "911 123456",
        "(020" + ") 7946 0018",
        "555-" + "867-5309",
        "+1 555" + " 867 5309",
    ],
    "gloss": ["[asks " + "how tall]", "[suggests " + "leaving]"],
    "withheld": ["[more content with" + "held]", "[Threat with" + "held]", "[with" + "held]"],
    "word": [
        "a forbidden" + "canary here",
        "two forbidden" + "canarys",
        "Forbidden" + "canaryTest",
        CANARY_RUN,
        CANARY_RUN.upper(),
    ],
}
ALLOWED = (
    "https://example.org/a and https://sub.example.com and user@example.net",
    "http://www.w3.org/2000/svg and https://json-schema.org/draft-07 and www.apache.org",
    "07700 900123, 07700900123, +44 7700 900123 and +44 (0)7700 900123",
    "@maria_12_synth and @media print and a@b and checkout@v4 and x @ y",
    "```\n@fixture\ndef f(): ...\n```\n",
    "[sexual content withheld] [threat withheld] [asks how old] [suggests meeting]",
    "grooming, sexual communication with a child, abuse, offence, exploitation, victim",
    "0.0123456789 0x00000000 243f6a88 2018-01-04 1,316 0.123456 1e-12 2097152000 -0123456789",
)


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in PLANTED.items() for text in texts])
def test_a_planted_file_is_found(rule: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("\n".join(ALLOWED), encoding="utf-8")
    (tmp_path / "bad.md").write_text(f"first line\n{text}\nlast line\n", encoding="utf-8")
    findings = [finding for path in text_files(tmp_path) for finding in file_findings(path)]
    assert {(finding.rule, Path(finding.where).name, finding.line) for finding in findings} == {(rule, "bad.md", 2)}


@pytest.mark.parametrize("text", ALLOWED)
def test_what_the_rules_allow_is_not_reported(text: str, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(text, encoding="utf-8")
    assert file_findings(tmp_path / "good.md") == []


def test_without_git_the_folder_is_walked_and_binaries_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x", encoding="utf-8")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "note.txt").write_text("x", encoding="utf-8")
    (tmp_path / "table.bin").write_bytes(b"\0\1")
    assert text_files(tmp_path) == [tmp_path / "deep" / "note.txt"]
