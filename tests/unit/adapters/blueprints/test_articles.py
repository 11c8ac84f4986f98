"""Articles as they are written down: what is wrong is named, what is left out is good."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.blueprints.folder import load_knowledge
from commands.doctor.configured import check_validity
from domain.errors import ConfigurationError
from domain.knowledge.validity import SOON_DAYS, expired, expiring, validity_lines
from domain.reading.knowledge import Article

DAY = date(2026, 11, 30)
PLAIN = {"article_id": "kb-a", "area": "it", "title": "VPN", "symptoms": ["no vpn"], "cause": "c", "steps": ["s"]}


def read(folder: Path, *articles: dict[str, Any]) -> list[Article]:
    (folder / "knowledge.json").write_text(json.dumps(articles), encoding="utf-8")
    return load_knowledge(folder)


def test_an_article_has_owner_language_and_validity_or_none_of_them(tmp_path: Path) -> None:
    more = {"owner": "IT desk", "lang": "pt-br", "valid_from": "2026-01-01", "valid_until": "2026-12-31", "version": 4}
    full, plain = read(tmp_path, PLAIN | more, PLAIN | {"article_id": "kb-b"})
    assert (full.owner, full.lang, full.valid_from, full.valid_until) == (
        "IT desk", "pt-br", date(2026, 1, 1), date(2026, 12, 31),
    )  # fmt: skip
    assert full.named == "kb-a v4: VPN"
    assert (plain.owner, plain.lang, plain.valid_from, plain.valid_until, plain.version) == ("", "", None, None, 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"valid_until": "2026-13-01"}, "key valid_until: found '2026-13-01', expected a day as 2026-03-04"),
        ({"valid_until": "31.12.2026"}, "key valid_until: found '31.12.2026', expected a day"),
        ({"valid_from": 20260101}, "key valid_from: found 20260101, expected a day"),
        ({"valid_from": "2026-01-01T00:00:00Z"}, "key valid_from: found '2026-01-01T00:00:00Z', expected a day"),
        ({"valid_from": "2026-02-01", "valid_until": "2026-01-31"}, "'kb-a', key valid_until: 2026-01-31 is before"),
        ({"lang": "Deutsch"}, "article 'kb-a', key lang: found 'Deutsch', expected a language as de or pt-br"),
        ({"owner": " "}, "article 'kb-a', key owner: found ' '"),
        ({"owner": "a\nb"}, "key owner: found 'a\\nb', expected a name in one line"),
        ({"owner": 7}, "key owner: found 7, expected a text"),
        ({"version": 0}, "key version: found 0, expected 1 or more"),
        ({"version": "2"}, None),
        ({"article_id": " "}, "key article_id: it is empty"),
        ({"valid_till": "2026-01-01"}, "key valid_till: there is no such key; write 'valid_until'"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path: Path, wrong: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert read(tmp_path, PLAIN | wrong)[0].version == 2
        return
    with pytest.raises(ConfigurationError, match=r"knowledge\.json: article") as caught:
        read(tmp_path, PLAIN | wrong)
    assert said in str(caught.value)


def until(name: str, day: date | None, **more: object) -> Article:
    return Article.model_validate(PLAIN | {"article_id": name, "valid_until": day} | more)


def test_owners_are_told_what_has_expired_and_what_will_within_14_days() -> None:
    articles = [
        until("kb-never", None),
        until("kb-late", DAY + timedelta(days=SOON_DAYS + 1)),
        until("kb-edge", DAY + timedelta(days=SOON_DAYS), owner="IT desk"),
        until("kb-today", DAY),
        until("kb-gone", DAY - timedelta(days=1), owner="ann"),
        until("kb-draft", DAY - timedelta(days=1), approved=False),
        until("kb-long-gone", DAY - timedelta(days=90)),
    ]
    assert [a.article_id for a in expired(articles, DAY)] == ["kb-long-gone", "kb-gone"]
    assert [a.article_id for a in expiring(articles, DAY)] == ["kb-today", "kb-edge"]
    assert validity_lines(articles, DAY)[1:] == [
        "kb-gone v1: VPN (ann) expired: 2026-11-29 was its last day",
        "kb-today v1: VPN expires: 2026-11-30 is its last day",
        "kb-edge v1: VPN (IT desk) expires: 2026-12-14 is its last day",
    ]


def test_the_doctor_speaks_of_them_only_where_there_are_any_and_calls_it_no_fault() -> None:
    today = datetime.now(UTC).date()
    assert check_validity([until("kb-a", None), until("kb-b", today + timedelta(days=100))]) == []
    [found] = check_validity([until("kb-a", today - timedelta(days=1))])
    assert (found.name, found.ok) == ("articles", None)
    assert "kb-a v1: VPN expired" in found.found
    assert "valid_until" in found.remedy
