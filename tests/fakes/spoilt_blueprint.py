"""Ways in which a person may spoil a blueprint: every one is made from a number, the same each time."""

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

from tests.fakes.blueprint import DEFAULT

VALUES = (
    '"text"', '""', "true", "-1", "0", "1.5", "[]", "{}", "inf", "nan", '[1, "a"]', "1979-05-27", '"a\\u0000"', "99"
)  # fmt: skip
BROKEN = (
    "{{", "{% if x %}", "{{ nothing }}", "{% for c in categories %}", "{{ 1/0 }}", "{{ categories[99].name }}",
    "{% include 'route.md' %}", "{{ money.minor }}", "{{ ''.__class__ }}", "{% set a = [1] %}{{ a.b.c }}", "{# x",
)  # fmt: skip
_KEY = re.compile(r"^([A-Za-z_]\w*)(\s*=\s*)(.*)$")


def mutated(folder: Path, number: int) -> str:
    """Copy the default blueprint below a folder, spoilt once (every third twice); return what was done."""
    chance = random.Random(number)
    blueprint = folder / "blueprint"
    shutil.copytree(DEFAULT, blueprint)
    return "; ".join(_spoil(blueprint, chance) for _ in range(1 + (number % 3 == 0)))


def _spoil(blueprint: Path, chance: random.Random) -> str:
    ways = (_toml, _toml, _toml, _words, _prompt, _letter, _articles, _file)
    return chance.choice(ways)(blueprint, chance)


def _toml(blueprint: Path, chance: random.Random) -> str:
    return _line(blueprint / "blueprint.toml", chance)


def _words(blueprint: Path, chance: random.Random) -> str:
    return _line(chance.choice(sorted((blueprint / "words").iterdir())), chance)


def _line(path: Path, chance: random.Random) -> str:
    """Drop, rename, retype, repeat or misname one line of TOML."""
    lines = path.read_text("utf-8").splitlines()
    number = chance.choice([n for n, line in enumerate(lines) if _KEY.match(line) or line.startswith("[")])
    line = lines[number]
    match = _KEY.match(line)
    way = chance.choice(("drop", "rename", "retype", "repeat", "refer", "cut"))
    if way == "drop":
        new = ""
    elif way == "repeat":
        new = f"{line}\n{line}"
    elif way == "cut":
        new = line[: len(line) // 2]
    elif match is None:
        new = line.replace("]", "s]", 1)
    elif way == "rename":
        new = f"{match[1]}s{match[2]}{match[3]}"
    elif way == "retype":
        new = f"{match[1]}{match[2]}{chance.choice(VALUES)}"
    else:
        new = f"{match[1]}{match[2]}" + re.sub(r'"[^"]*"', '"nobody"', match[3])
    lines[number] = new
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return f"{path.name}, line {number + 1}: {line[:60]!r} -> {new[:60]!r}"


def _prompt(blueprint: Path, chance: random.Random) -> str:
    return _template(chance.choice(sorted((blueprint / "prompts").iterdir())), chance)


def _letter(blueprint: Path, chance: random.Random) -> str:
    return _template(chance.choice(sorted((blueprint / "letters").rglob("*.md"))), chance)


def _template(path: Path, chance: random.Random) -> str:
    text = path.read_text("utf-8")
    way = chance.choice(("append", "append", "empty", "without", "bytes", "replace"))
    if way == "bytes":
        path.write_bytes(b"\xff\xfe" + text.encode())
        return f"{path.name}: no UTF-8"
    broken = chance.choice(BROKEN)
    new = {"append": f"{text}\n{broken}", "empty": " \n", "without": re.sub(r"\{[{%].*?[%}]\}", "", text)}.get(
        way, broken
    )
    path.write_text(new, "utf-8")
    return f"{path.parent.name}/{path.name}: {way} {broken!r}"


def _articles(blueprint: Path, chance: random.Random) -> str:
    path = blueprint / "knowledge.json"
    articles: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    article = chance.choice(articles)
    key = chance.choice(sorted(article))
    way = chance.choice(("drop", "retype", "twice", "area", "draft", "cut"))
    if way == "drop":
        del article[key]
    elif way == "retype":
        article[key] = chance.choice([None, 7, [], {}, "", True, [None]])
    elif way == "twice":
        articles.append(dict(article))
    elif way == "area":
        articles = [one | {"area": "nowhere"} if one["area"] == article["area"] else one for one in articles]
    elif way == "draft":
        articles = [one | {"approved": False} for one in articles]
    text = json.dumps(articles)
    path.write_text(text[: len(text) // 2] if way == "cut" else text, "utf-8")
    return f"knowledge.json: {way} {key} of {article.get('article_id')}"


def _file(blueprint: Path, chance: random.Random) -> str:
    """Take a file away, give it another name, or put one there that nobody knows."""
    path = chance.choice(sorted(p for p in blueprint.rglob("*") if p.is_file()))
    way = chance.choice(("gone", "renamed", "strange"))
    if way == "strange":
        (path.parent / "notes.txt").write_text("to do")
    elif way == "gone":
        path.unlink()
    else:
        path.rename(path.with_name(f"x{path.name}"))
    return f"{path.relative_to(blueprint)}: {way}"
