"""What is wrong in a file of an operator's is said in plain words: no sentence of pydantic's reaches them."""

import re
import shutil
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from adapters.blueprints.folder import load_all
from domain.blueprint import Blueprint
from domain.errors import ConfigurationError
from domain.installation.mistakes import keys_of, mistake
from tests.fakes.blueprint import DEFAULT

TABLE = "expected a table of keys; write it as [name] with lines below it, or as { key = value }"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Box(BaseModel):
    width: float = 1.0


class Order(BaseModel):
    """One field for each rule that a file may break."""

    number: int
    price: Decimal = Decimal(1)
    paid: bool = False
    note: str = Field(default="", max_length=5)
    name: str = Field(default="lamp", pattern="^[a-z]+$", min_length=2)
    colour: Colour = Colour.RED
    way: Literal["post", "van"] = "post"
    share: float = Field(default=0.5, ge=0, lt=1, allow_inf_nan=False)
    pieces: list[str] = Field(default=["a"], min_length=1, max_length=2)
    at: datetime | None = None
    box: Box = Box()
    boxes: dict[str, Box] = Field(default_factory=dict)

    @field_validator("note")
    @classmethod
    def _plain(cls, note: str) -> str:
        if note == "bad":
            raise ValueError("a note says something good; write another one")
        return note


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"number": ...}, "it is missing; add it"),
        ({"number": "abc"}, "found 'abc', expected a whole number; write digits alone, without quotes or a point"),
        ({"number": 1.5}, "found 1.5, expected a whole number; write digits alone, without quotes or a point"),
        ({"price": "dear"}, "found 'dear', expected a number; write it without quotes, with a point as in 0.5"),
        ({"paid": "perhaps"}, "found 'perhaps', expected true or false; write it without quotes"),
        ({"note": 5}, 'found 5, expected a text; write it in quotes: "…"'),
        ({"note": "too long"}, "found 'too long', expected 5 characters or fewer; shorten it"),
        ({"note": "bad"}, "found 'bad', a note says something good; write another one"),
        ({"name": "A-B"}, "found 'A-B', expected the form ^[a-z]+$; write it in that form"),
        ({"name": "x"}, "found 'x', expected 2 characters or more; lengthen it"),
        ({"colour": "gren"}, "found 'gren', expected one of 'red', 'blue'; write one of these"),
        ({"way": "air"}, "found 'air', expected one of 'post', 'van'; write one of these"),
        ({"share": -1}, "found -1, expected 0 or more; write a larger number"),
        ({"share": 1}, "found 1, expected less than 1; write a smaller number"),
        ({"share": float("inf")}, "found inf, expected a number with an end, neither inf nor nan; write digits"),
        ({"pieces": "a"}, "found 'a', expected a list; write it in brackets: […]"),
        ({"pieces": []}, "found [], expected 1 entry or more; add some"),
        ({"pieces": ["a", "b", "c"]}, "found ['a', 'b', 'c'], expected 2 entries or fewer; take some out"),
        ({"at": "soon"}, "found 'soon', expected a date and time as 2026-03-04T05:06:07Z"),
        ({"box": 3}, f"found 3, {TABLE}"),
        ({"boxes": []}, f"found [], {TABLE}"),
        ({"colr": 1}, "there is no such key; write 'colour', or take it out"),
        ({"box": {"widht": 1}}, "there is no such key; write 'width', or take it out"),
        ({"boxes": {"a": {"wdth": 1}}}, "there is no such key; write 'width', or take it out"),
        ({"box": {"zzz": 1}}, "there is no such key; take it out, known are width"),
    ],
)  # fmt: skip
def test_every_common_mistake_has_plain_words(given: dict[str, Any], said: str) -> None:
    values = {name: value for name, value in ({"number": 1} | given).items() if value is not ...}
    with pytest.raises(ValidationError) as error:
        Order.model_validate(values, extra="forbid")
    assert mistake(error.value.errors()[0], Order) == said


def test_a_value_that_may_be_a_secret_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as error:
        Order.model_validate({"number": "hunter2"})
    assert mistake(error.value.errors()[0], quote=False).startswith("expected a whole number; ")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ValidationError) as error:
        Order.model_validate({"number": "x" * 500})
    assert len(mistake(error.value.errors()[0])) < 200


def test_the_keys_of_a_table_are_found_where_it_stands() -> None:
    assert "remind_every_s" in keys_of(Blueprint, ["human"])
    assert "specialist" in keys_of(Blueprint, ["categories", 3])
    assert "provider" in keys_of(Blueprint, ["models", "offline", "small"])
    assert keys_of(Blueprint, ["nothing"]) == []


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("ladder_s = [60, 300, 1800]", 'ladder_s = ["soon"]', "key ladder_s.0: found 'soon', expected a number;"),
        ("ladder_s = [60, 300, 1800]", "ladder_s = 60", "key ladder_s: found 60, expected a list; write it in"),
        ("[human]", '[human]\nremind_s = "x"', "there is no such key; write 'remind_every_s', or take it out"),
    ],
)
def test_a_slip_is_named_with_file_line_key_value_and_remedy(
    line: str, instead: str, said: str, tmp_path: Path
) -> None:
    blueprint = Path(shutil.copytree(DEFAULT, tmp_path / "blueprint"))
    path = blueprint / "blueprint.toml"
    text = path.read_text("utf-8")
    assert line in text
    path.write_text(text.replace(line, instead, 1), "utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_all(blueprint)
    assert re.match(re.escape(str(path)) + r", line \d+: key ", str(error.value))
    assert said in str(error.value)
