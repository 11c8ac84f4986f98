"""A sender is read as every mail program reads it, or not at all."""

import time

import pytest

from domain.mail.mailbox import plain_text, read_mailbox

ANN = "ann@home.example"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (ANN, ""),
        (f"<{ANN}>", ""),
        (f"  < {ANN} >  ", ""),
        (f"Ann Bell <{ANN}>", "Ann Bell"),
        (f"Ann Bell<{ANN}>", "Ann Bell"),
        (f'"Bell, Ann" <{ANN}>', "Bell, Ann"),
        (f"Bell, Ann <{ANN}>", "Bell, Ann"),
        (f'"Ann \\"Bee\\" Bell" <{ANN}>', 'Ann "Bee" Bell'),
        (f"'Ann Bell' via Help <{ANN}>", "Ann Bell' via Help"),
        (f"Ann (London (UK)) Bell <{ANN}>", "Ann Bell"),
        (f"{ANN} (Ann Bell)", ""),
        (f"{ANN} (Mail Delivery System)", ""),
        (f"<{ANN}> (Ann, Bell)", ""),
        (f"=?iso-8859-1?Q?B=E9ll=2C_Ann?= <{ANN}>", "Béll, Ann"),
        (f"=?utf-8?B?QW5uIDxi?= <{ANN}>", "Ann <b"),
        (f'"{ANN}" <{ANN}>', ANN),
        (f"{ANN.upper()} <{ANN}>", ANN.upper()),
        (f"Dr. Ann B. Bell <{ANN}>", "Dr. Ann B. Bell"),
        (f"{ANN},", ""),
        (f"Team: Ann <{ANN}>;", "Team: Ann"),
        (f"<{ANN}>, <{ANN.upper()}>", ""),
        (f"=?x-nonsense?Q?A=XX?= <{ANN}>", "=?x-nonsense?Q?A=XX?="),
    ],
)
def test_one_mailbox_is_read_however_it_is_written(header: str, name: str) -> None:
    found = read_mailbox(header)
    assert found.address is not None
    assert (found.address.casefold(), found.name) == (ANN, name)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Ann Bell",
        "ann@",
        f"{ANN}, bo@home.example",
        f"Ann <{ANN}>, Bo <bo@home.example>",
        f"<{ANN}> bo@home.example",
        f"<{ANN}> Bo",
        f"bo@home.example <{ANN}>",
        f'"bo@home.example" <{ANN}>',
        f"=?utf-8?Q?bo=40home=2Eexample?= <{ANN}>",
        f"<{ANN}><bo@home.example>",
        f"{ANN} (bo@home.example)",
        f"{ANN})bo@home.example",
        f"({ANN}",
        f"Ann <{ANN}",
        f'"Ann <{ANN}>',
        f"Ann <<{ANN}>>",
        f"<@relay.example:{ANN}>",
        '"ann bell"@home.example',
        f"{ANN} bo@home.example",
        f"A: {ANN}, bo@home.example;",
        "undisclosed-recipients:;",
        f"mailto:{ANN}",
    ],
)
def test_what_two_programs_read_differently_is_nobody(header: str) -> None:
    assert read_mailbox(header).address is None


def test_the_name_is_one_plain_line() -> None:
    assert read_mailbox(f"=?utf-8?Q?Ann=0D=0ABcc=3A_x?= <{ANN}>").name == "Ann Bcc: x"
    assert plain_text("=?utf-8?Q?a=00b?=\x07 c") == "a b c"
    assert plain_text("half \ud800 pair") == "half ? pair"


def test_hostile_headers_are_read_in_no_time() -> None:
    began = time.monotonic()
    for hostile in (
        '"' * 99_999,
        '\\"' * 50_000,
        "(" * 99_999,
        "<" * 99_999,
        ",;:" * 33_333,
        '"\\' * 50_000,
        "a@" * 50_000,
    ):
        read_mailbox(hostile)
        plain_text(hostile)
    assert time.monotonic() - began < 2
