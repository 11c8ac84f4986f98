"""Which lines of an order a customer's words mean: one reading, or none."""

import time

import pytest

from domain.money.items import MAX_WANTED, ItemsAsked, items_asked
from domain.money.records import MAX_LINE_NAME, MAX_LINES, LineKind, OrderLine


def line(name: str, amount_minor: int = 1_000, quantity: int = 1, kind: LineKind = LineKind.ITEM) -> OrderLine:
    return OrderLine(name=name, quantity=quantity, amount_minor=amount_minor, kind=kind)


SHIPPING = line("Standard parcel", 490, kind=LineKind.SHIPPING)
EXPRESS = line("Express surcharge", 300, kind=LineKind.SHIPPING)
TAX = line("Sales tax NY", 210, kind=LineKind.TAX)
CUPS = line("Stoneware cup, blue", 4_000, 4)
JUG = line("Glass jug", 2_500)
LAMP = line("Desk lamp", 3_900)
ORDER = [CUPS, JUG, LAMP, SHIPPING, TAX]


def asked(*wanted: str, of: list[OrderLine] | None = None) -> int | None:
    found = items_asked(wanted, ORDER if of is None else of)
    return None if found is None else found.minor


# --- words that mean nothing, or more than one thing ----------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        [], [""], ["   "], ["*"], [".*"], ["%"], ["…"], ["everything"], ["all of it"], ["alles"], ["the whole order"],
        ["both"], ["two"], ["the item"], ["it"], ["the blue one"], ["123"], ["1"], ["the"], ["\0"], ["a" * 5_000],
        ["watch"], ["the jug and the watch"], ["jug", "watch"], ["jug", ""], ["jugular"], ["ju"], ["amp"], ["des"],
    ],
)  # fmt: skip
def test_words_that_no_line_has_mean_nothing(wanted: list[str]) -> None:
    assert items_asked(wanted, ORDER) is None


def test_an_order_whose_lines_are_not_known_is_never_computed() -> None:
    assert items_asked(["jug"], []) is None


@pytest.mark.parametrize(
    "names",
    [
        ["Red jug", "Blue jug"],
        ["Jug", "Jug"],
        ["Jug", "Glass jug"],
        ["Jug 1 l", "Jug 2 l"],
        ["Jug", "JUGS"],
        ["Jug, tall", "Jug, wide"],
    ],
)
def test_two_lines_that_fit_are_for_a_person(names: list[str]) -> None:
    assert asked("the jug", of=[line(name) for name in names]) is None


@pytest.mark.parametrize(
    "wanted",
    [
        "jug lamp", "jug lamp cup", "glass desk stoneware blue jug lamp cup", "jug or lamp", "lamp for the jug",
        "Stoneware cup blue Glass jug Desk lamp", "glass lamp",
    ],
)  # fmt: skip
def test_a_heap_of_words_from_several_lines_is_no_name(wanted: str) -> None:
    """Whoever copies the whole price list into one wish must not get the dearest line, nor all of them."""
    assert asked(wanted) is None


@pytest.mark.parametrize(
    "wanted",
    [
        "all but the jug", "everything except the jug", "not the jug", "no jug", "alles ausser dem jug", "jug nicht",
        "lamp instead of the jug", "sauf le jug", "half the jug", "part of the jug", "10 % of the jug", "the other jug",
        "the difference for the jug", "the rest of the jug", "jug discount", "kein jug", "jug ohne lamp",
        "the lid of the jug", "handle of my jug", "der Deckel von dem jug", "le couvercle du jug",
        "jug and half the lamp", "jug and nothing but the lamp",
    ],
)  # fmt: skip
def test_what_is_left_out_halved_or_exchanged_is_for_a_person(wanted: str) -> None:
    assert asked(wanted) is None


@pytest.mark.parametrize("name", ["", "…", "፩ ፪", "²³", "🏺", "1.1.1", "\ud800", "the", "- / -", "of the", "\0\0"])
def test_a_line_without_a_word_fits_nothing(name: str) -> None:
    nameless = line(name, 9_900)
    assert asked("the jug", of=[nameless]) is None
    assert asked("", of=[nameless]) is None
    assert asked("the", of=[nameless]) is None
    assert asked("the jug", of=[nameless, JUG]) == 2_500


def test_more_wishes_words_or_lines_than_anybody_means_are_for_a_person() -> None:
    assert asked(*["jug"] * (MAX_WANTED + 1)) is None
    assert asked(" ".join(["jug", *["so"] * 60])) is None
    assert asked("jug", of=[JUG, *[line(f"Thing {n}") for n in range(MAX_LINES)]]) is None


def test_the_worst_that_fits_is_read_in_no_time() -> None:
    lines = [line(f"{'jug ' * 15}x{n}"[:MAX_LINE_NAME], 1) for n in range(MAX_LINES)]
    begun = time.perf_counter()
    items_asked(["jug, " * 50] * MAX_WANTED, lines)
    items_asked(["1.1" * 100, "9" * 300, "and " * 70, "jug " * 35] * (MAX_WANTED // 4), lines)
    assert time.perf_counter() - begun < 2.0


# --- words that mean a line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "minor"),
    [
        ("jug", 2_500), ("the broken jug", 2_500), ("GLASS JUG", 2_500), ("my jug please", 2_500), ("jugs", 2_500),
        ("the jug from order 30006", 2_500), ("the jug (25.00 USD)", 2_500), ("one jug", 2_500), ("a jug", 2_500),
        ("desk lamp", 3_900), ("lamp", 3_900), ("the lamp that flickers", 3_900), ("Glass  jug", 2_500),
    ],
)  # fmt: skip
def test_the_head_or_the_whole_of_a_name_means_its_line(wanted: str, minor: int) -> None:
    assert asked(wanted) == minor


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Tasse en porcelaine", "la tasse"), ("Lámpara azul", "la lampara rota"), ("Lâmpada azul", "lampada"),
        ("Kettle with thermostat", "the kettle"), ("Wasserkessel mit Pfeife", "Wasserkessel"), ("Mug (330 ml)", "mug"),
        ("Mug - limited edition", "mug"), ("Teller, flach", "der Teller"), ("Teller, flach", "die Teller"),
        ("Funda para sofá", "funda"), ("ＭＵＧ", "mug"), ("Straße-Schild", "strasse schild"), ("Tasse", "Tassen"),
        ("Brush", "brushes"), ("Salt and pepper mill", "the salt and pepper mill"), ("Mug, blue", "Mug, blue"),
        ("Phone 15", "phone 15"), ("Cafetière à piston", "cafetiere"), ("501", "501"), ("Jug, 4 handles", "jug"),
    ],
)  # fmt: skip
def test_names_are_compared_without_case_accents_and_simple_plurals(name: str, wanted: str) -> None:
    assert asked(wanted, of=[line(name, 700), line("Cushion", 100)]) == 700


@pytest.mark.parametrize(
    ("name", "wanted", "minor"),
    [
        ("Half-zip sweater", "the half-zip sweater", 700), ("Half-zip sweater", "half the half-zip sweater", None),
        ("Half-zip sweater", "half of the sweater", None), ("No. 5 soap", "no. 5 soap", 700),
        ("Jug", "a refund of the jug", 700), ("Jug", "the price of the jug", 700), ("Jug", "jug of my sister", 700),
    ],
)  # fmt: skip
def test_a_word_that_would_be_unclear_may_be_part_of_the_name(name: str, wanted: str, minor: int | None) -> None:
    assert asked(wanted, of=[line(name, 700), line("Cushion", 100)]) == minor


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Coffee machine", "the coffee"), ("Jug lid", "jug"), ("Lamp shade", "the lamp"), ("Red jug", "the blue jug"),
        ("Tasse rot", "die blaue Tasse"), ("Small jug", "the large jug"), ("Phone 14", "phone 15"),
        ("Desk lamp for jug makers", "jug"), ("Jug", "two jugs"), ("Jug", "both jugs"), ("Jug", "0 jugs"),
    ],
)  # fmt: skip
def test_what_the_words_contradict_or_only_touch_is_not_meant(name: str, wanted: str) -> None:
    assert asked(wanted, of=[line(name), line("Cushion")]) is None


def test_the_more_exact_words_choose_between_lines_that_share_some() -> None:
    lines = [line("Blue jug", 100), line("Red jug", 200), line("Jug brush", 400), line("Mug 330 ml", 800)]
    more = [*lines, line("Mug 500 ml", 1_600)]
    assert asked("the red jug", of=lines) == 200
    assert asked("der rote Jug", of=lines) == 200
    assert asked("the jug brush", of=lines) == 400
    assert asked("mug 500 ml", of=more) == 1_600
    assert asked("mug", of=more) is None


# --- how many -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "minor"),
    [
        ("the cups", None), ("cup", None), ("the broken cups", None), ("one cup", 1_000), ("one of the cups", 1_000),
        ("two cups", 2_000), ("3 cups", 3_000), ("2x cup", 2_000), ("cup x2", 2_000), ("cups, all of them", 4_000),
        ("all cups", 4_000), ("all 4 cups", 4_000), ("all the blue cups", 4_000), ("4 cups", 4_000), ("5 cups", None),
        ("all 3 cups", None), ("both cups", None), ("one of the four cups", 1_000), ("two of the 4 cups", 2_000),
        ("one of the three cups", None), ("zwei cups", 2_000), ("una cup", 1_000), ("0 cups", None), ("-1 cups", 1_000),
        ("1.5 cups", None), ("cups 10.00 USD", None), ("one cup 10.00 USD", 1_000), ("cups of order 30006", None),
        ("the 2 € cups", None), ("the $3 cups", None), ("one cup, x2", None),
        ("cup, 1x", 1_000), ("cups, 2", 2_000), ("cup #2", None), ("the cups, 20 €", None),
        ("one or two cups", None), ("a pair of cups", None), ("the second cup", None), ("½ cup", None),
        ("one hundred cups", None),
    ],
)  # fmt: skip
def test_of_several_units_the_words_must_say_how_many(wanted: str, minor: int | None) -> None:
    assert asked(wanted) == minor


def test_a_part_of_a_line_is_rounded_down() -> None:
    three = [line("Cup", 1_000, 3)]
    assert [asked(f"{n} cups", of=three) for n in (1, 2, 3)] == [333, 666, 1_000]
    assert asked("both cups", of=[line("Cup", 999, 2)]) == 999
    assert asked("eine der beiden cups", of=[line("Cup", 999, 2)]) == 499


@pytest.mark.parametrize(
    ("name", "wanted", "fits"),
    [
        ("Set of 4 glasses", "the set", True), ("Set of 4 glasses", "the set of 4 glasses", True),
        ("Glasses, set of 4", "the glasses", True), ("Glasses (4 pcs)", "all glasses", True),
        ("Set of 4 glasses", "glass", False), ("Glasses, set of 4", "one glass", False),
        ("Glasses, set of 4", "one of the glasses", False), ("Glasses (4 pcs)", "the broken glass", False),
        ("Wine glasses", "one glass", False), ("Gläser 6er-Pack", "ein Gläser", False),
    ],
)  # fmt: skip
def test_one_piece_of_a_pack_is_not_the_pack(name: str, wanted: str, fits: bool) -> None:
    assert (asked(wanted, of=[line(name, 700), line("Cushion", 100)]) == 700) is fits
    assert fits or asked(wanted, of=[line(name, 700), line("Cushion", 100)]) is None


# --- several wishes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "minor"),
    [
        (["jug", "lamp"], 6_400), (["the jug and the lamp"], 6_400), (["jug, lamp"], 6_400), (["jug & lamp"], 6_400),
        (["both the jug and the lamp"], 6_400), (["the jug und zwei cups"], 4_500), (["jug", "the glass jug"], 2_500),
        (["jug plus shipping"], 2_990), (["one cup", "1 cup"], 1_000), (["one cup", "two cups"], None),
        (["jug", "cups"], None), (["jug and lamp and watch"], None), (["the jug, cracked"], None),
    ],
)  # fmt: skip
def test_every_wish_must_be_understood_and_no_line_counts_twice(wanted: list[str], minor: int | None) -> None:
    assert asked(*wanted) == minor


def test_never_more_than_all_lines_together() -> None:
    names = ["jug", "lamp", "all cups", "shipping", "tax", "glass jug", "desk lamp", "4 cups", "delivery fee", "VAT"]
    assert asked(*names) == sum(one.amount_minor for one in ORDER)


def test_the_names_of_the_lines_come_along() -> None:
    assert items_asked(["the lamp", "one cup"], ORDER) == ItemsAsked(
        minor=4_900, names=["Stoneware cup, blue", "Desk lamp"]
    )


def test_what_was_free_is_worth_nothing() -> None:
    assert asked("the gift card", of=[line("Gift card", 0), JUG]) == 0


# --- shipping and tax -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        "shipping", "the shipping costs", "shipping fee", "postage", "delivery", "the delivery charge", "Versandkosten",
        "Versand", "das Porto", "die Lieferkosten", "frais de port", "les frais de livraison", "gastos de envío",
        "spese di spedizione", "portes de envio", "verzendkosten", "the shipping that I paid",
        "shipping that you charged",
    ],
)  # fmt: skip
def test_words_for_shipping_mean_all_lines_of_it(wanted: str) -> None:
    assert asked(wanted) == 490
    assert asked(wanted, of=[*ORDER, EXPRESS]) == 790
    assert asked(wanted, of=[JUG, LAMP]) is None


@pytest.mark.parametrize(
    "wanted", ["tax", "the taxes", "VAT", "MwSt.", "Mehrwertsteuer", "TVA", "la TVA", "IVA", "sales tax", "NY tax"]
)
def test_words_for_tax_mean_all_lines_of_it(wanted: str) -> None:
    assert asked(wanted) == 210
    assert asked(wanted, of=[JUG, SHIPPING]) is None


@pytest.mark.parametrize(
    "wanted",
    [
        "my delivery", "the damaged delivery", "die kaputte Lieferung", "jug damaged in shipping", "return shipping",
        "the VAT on the jug", "tax of the lamp", "half the shipping", "shipping box", "two shippings", "no shipping",
        "express shipping", "shipping tax",
    ],
)  # fmt: skip
def test_words_that_only_touch_shipping_or_tax_are_for_a_person(wanted: str) -> None:
    assert asked(wanted) is None


def test_a_word_more_chooses_among_the_lines_for_shipping() -> None:
    assert asked("standard shipping", of=[*ORDER, EXPRESS]) == 490
    assert asked("express shipping", of=[*ORDER, EXPRESS]) == 300
    assert asked("express shipping", of=[*ORDER, EXPRESS, EXPRESS]) is None
    rate = line("VAT 20 %", 600, kind=LineKind.TAX)
    assert asked("20% VAT", of=[*ORDER, rate]) == 600
    assert asked("10% VAT", of=[*ORDER, rate]) is None


@pytest.mark.parametrize("name", ["Parcel", "DHL parcel", "Standard parcel"])
def test_what_arrived_is_not_what_its_way_cost(name: str) -> None:
    assert asked("the broken parcel", of=[JUG, line(name, 490, kind=LineKind.SHIPPING)]) is None


def test_the_tax_on_an_item_is_not_the_item_where_no_tax_is_told_apart() -> None:
    assert asked("the VAT on the jug", of=[JUG, LAMP]) is None


def test_a_line_may_be_called_by_its_own_name_whatever_it_is_for() -> None:
    box = line("Shipping box", 300)
    wrap = line("Gift wrapping", 200, kind=LineKind.FEE)
    assert asked("the shipping box", of=[JUG, box]) == 300
    assert asked("gift wrapping", of=[JUG, wrap]) == 200
    assert asked("the express surcharge", of=[*ORDER, EXPRESS]) == 300
