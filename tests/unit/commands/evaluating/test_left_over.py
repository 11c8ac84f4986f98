"""A recorded set goes into a repository: what looks like somebody's is left out, whatever is put between its parts."""

import pytest

from commands.evaluation.left_over import why_personal, without_own


@pytest.mark.parametrize(
    ("why", "text"),
    [
        *(
            ("with a long number in it", text)
            for text in (
                "card 4111 - 1111 -- 1111 _ 1111", "card 4111…1111…1111…1111", "４１１１ １１１１ １１１１ １１１１",
                "IBAN DE89_3704_0044_0532_0130_00", "IBAN GB29_NWBK_ABCD_EFGH", "call 0152 · 334 · 556 · 67",
                "call 0152x334x55667", "call ٠١٥٢٣٣٤٥٥٦٦٧", "Ring me on 5550 1199 after six", "call 555-0199",
                "4111\n1111\n1111\n1111", "NI number QQ 12 34 56 C", "mac 00:1A:2B:3C:4D:5E",
                "call me: zero one five two, three three four", "ruf null eins fünf zwei, drei drei vier",
                "call 0152 " + "-" * 60 + " 3345",
            )
        ),
        *(
            ("with an address or a handle in it", text)
            for text in (
                "ann.smith (at) example dot com", "ann[at]example.com", "ann at example dot com", "ann(at)a(dot)com",
                "ann @ example.com", "ann @example", "my handle is @ann_smith", "ann.smith ät example punkt de",
                "ann ＠ example．com", "ann example dot com",
            )
        ),
        *(
            ("with a link to a page in it", text)
            for text in (
                "https://example.com/reset/9f8a7b6c5d4e", "https://example.com/u/ann.smith", "t.me/annsmith",
                "www.example.com/reset/abc", "example.co.uk/ann", "HTTPS://EXAMPLE.COM/RESET", "https://example.com?a=b",
                "https://example.com#ann", "hxxp://example.com/ann",
            )
        ),
        *(
            ("with a code in it", text)
            for text in (
                "passport C01X00T47", "mac 00:1A:AB:CC:DD:EE", "my password is Sommer2019!", "PIN: 4711",
                "the PIN is 4711", "key ab-cd-e1f-gh", "das Passwort lautet hund7",
            )
        ),
    ],
)  # fmt: skip
def test_what_may_be_somebody_s_is_left_out_with_the_reason(why: str, text: str) -> None:
    assert why_personal(f"Hello, {text}, the router is dead") == why


@pytest.mark.parametrize(
    "text",
    [
        "Order ORD-10023 came on 3 May 2026, I paid 49.99 EUR for 2 of 3.",
        "I live at the coast, and the router is at rest. At this point I stop.",
        "My password is wrong, and the PIN was never sent to me. Reset the PIN in 2 days?",
        "Call [PHONE_1] or [PHONE_2], card [CARD_1], mail [EMAIL_12].",
        "See https://example.com and/or www.example.com/ for the FRITZ!Box 7590, Windows 11, either/or.",
        "One or two of the three do not print.",
    ],
)
def test_plain_messages_stay(text: str) -> None:
    assert why_personal(text) == ""


def test_a_long_text_of_nothing_but_signs_takes_no_time() -> None:
    assert why_personal("1" + "-" * 200_000 + "a." * 100_000) == ""


def test_own_values_go_whole_only_and_those_without_a_letter_change_nothing() -> None:
    assert without_own("C-7, c7, #C 7, C-71, AC-7", ["C-7", "-", ""]) == "…, …, …, C-71, AC-7"
