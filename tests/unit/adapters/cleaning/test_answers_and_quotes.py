"""Answers under, between and above quoted letters: what the sender wrote stays, what we wrote goes."""

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from domain.inbound.cleaned import CleanDocument, CleanFlag
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)
SAID = "On Mon, 23 Nov 2026 at 09:05, Shop <care@shop.example> wrote:"
HEAD = "From: Shop <care@shop.example>\nSent: Monday, 23 November 2026\nTo: Ann Bell\nSubject: Your lamp"


def plain(text: str, subject: str = "") -> CleanDocument:
    return CLEANER.clean(subject=subject, text=text, html=None, lang=None)


def page(html: str, subject: str = "") -> CleanDocument:
    return CLEANER.clean(subject=subject, text=None, html=html, lang=None)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"{SAID}\n\n> We refunded 30 USD.\n\nNot so.", "Not so."),
        (f"{SAID}\n> Which order?\n\nORD-1\n\n> And the colour?\n\nred", "ORD-1\n\nred"),
        (f"Above\n\n{SAID}\n> old\n\nBelow", "Above\n\nBelow"),
        ("-----Original Message-----\n> We refunded 30 USD.\n\nNot so.", "Not so."),
        (f"Above\n\n-----Original Message-----\n{HEAD}\n\n> old\n> older\n\nBelow", "Above\n\nBelow"),
        (f"{HEAD}\n\n> old\n\nBelow", "Below"),
        ("-- \nAnn Bell\n\n> Which order?\n\nORD-1 it is", "ORD-1 it is"),
        ("Yes\n-- \nAnn Bell\n\n> old\n\nAnd no", "Yes\n\nAnd no"),
        ("2026-11-23 9:05 GMT+01:00 Shop <\ncare@shop.example>:\n\n> old\n\nNew", "New"),
        ("Neu\n\nponiedziałek, 23 lis 2026, 09:05 Shop <care@shop.example>:\nalt", "Neu"),
        ("New\n\n---- On Mon, 23 Nov 2026 09:05:00 +0100 Shop <care@shop.example> wrote ----\n\nold", "New"),
        ("понедельник, 23 ноября 2026 г. пользователь Shop написал:\n\n> old\n\nНовое", "Новое"),
        ("New\n\nDate: Mon, 23 Nov 2026\nSubject: lamp\nFrom: care@shop.example\nTo: Ann\n\nold", "New"),
        ("New\n\n差出人: Shop\n送信日時: 2026/11/23\n宛先: Ann\n件名: lamp\n\nold", "New"),
        ("New\n\n发件人：Shop\n发送时间：2026年\n收件人：Ann\n主题：lamp\n\nold", "New"),
        ("New\n\nDe : Shop\nEnvoyé le :lundi\nÀ : Ann\nObjet :lampe\n\nold", "New"),
        (f"I paid 30 USD on 3.5.\nA refund was promised on 7.5. at 10:30\n{SAID}\n> old",
         "I paid 30 USD on 3.5.\nA refund was promised on 7.5. at 10:30"),
        ("The lamp broke in 2 weeks. I waited\nOn Mon, 23 Nov 2026 at 09:05, Shop\n<care@shop.example> wrote:\n> old",
         "The lamp broke in 2 weeks. I waited"),
    ],
)  # fmt: skip
def test_plain_answers_stay_and_our_letter_goes(text: str, left: str) -> None:
    document = plain(text)
    assert document.text == left
    assert CleanFlag.QUOTED_HISTORY in document.flags
    assert CleanFlag.WHOSE_WORDS not in document.flags


def test_a_sign_that_a_mailbox_file_put_there_is_no_quotation() -> None:
    document = plain("Hi\n>From the shop I got nothing\nthanks")
    assert (document.text, document.flags) == ("Hi\nFrom the shop I got nothing\nthanks", [])


CITE = '<blockquote type="cite">We refunded 30 USD.</blockquote>'


@pytest.mark.parametrize(
    ("html", "left"),
    [
        (f"<p>{SAID.replace('<', '&lt;')}</p>{CITE}<p>Not so.</p>", "Not so."),
        (f"<p>{SAID.replace('<', '&lt;')}</p><blockquote>We refunded 30 USD.</blockquote><p>Not so.</p>", "Not so."),
        (f"<p>Above</p>{CITE}<p>one</p>{CITE}<p>two</p>", "Above\n\none\n\ntwo"),
        (
            (
                '<div class="gmail_quote"><div class="gmail_attr">On Monday Shop wrote:</div>'
                '<blockquote class="gmail_quote">old</blockquote><div>one</div>'
                '<blockquote class="gmail_quote">old</blockquote><div>two</div></div>'
            ),
            "one\n\ntwo",
        ),
        (
            (
                '<div class="gmail_quote">Em seg. Shop escreveu:<br><blockquote class="gmail_quote">old</blockquote>'
                "</div><div>below</div>"
            ),
            "below",
        ),
        ('<p>new</p><div class="gmail_quote">On Monday Shop wrote:<br>old<br></div><p>more</p>', "new\n\nmore"),
        (f'<div class="moz-cite-prefix">Am Montag:<br></div>{CITE}<p>new</p>', "new"),
        ('<p>new</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Shop</div><div>old</div>', "new"),
        ("<blockquote>The label says: broken</blockquote><p>Refund it.</p>", "The label says: broken\n\nRefund it."),
        (f"<p>new</p>{CITE.replace('30', '<i style=display:none>9</i>')}<p>more</p>", "new\n\nmore"),
    ],
)
def test_answers_in_html_stay_and_our_letter_goes(html: str, left: str) -> None:
    document = page(html)
    assert document.text == left
    assert not document.suspicious


@pytest.mark.parametrize(
    "text",
    [
        f"{SAID}\n\nWe refunded 30 USD.\n\nNot so.",
        f"{HEAD}\n\nWe refunded 30 USD.\n\nNot so.",
        "-----Original Message-----\nWe refunded 30 USD.\n\nNot so.",
        f"See my answers below in red.\n\n{HEAD}\n\nWhich order?\nNot so.",
        "> We refunded 30 USD. Not so.",
        "---------- Forwarded message ---------\nFrom: Shop\n\nNot so.",
    ],
)
def test_where_nothing_tells_whose_words_they_are_all_stay_and_it_is_said(text: str) -> None:
    document = plain(text)
    assert "Not so." in document.text
    assert CleanFlag.WHOSE_WORDS in document.flags


@pytest.mark.parametrize(
    "hint",
    ["Answers below", "I replied inline.", "Responses in blue", "Meine Antworten in rot", "mes réponses ci-dessous",
     "mis respuestas abajo", "le mie risposte sotto", "мои ответы ниже", "答えは下記", "回复如下"],
)  # fmt: skip
def test_that_answers_stand_below_is_understood_in_many_languages(hint: str) -> None:
    assert CleanFlag.WHOSE_WORDS in plain(f"{hint}\n\n{HEAD}\n\nWhich order?\nORD-1").flags


def test_answers_that_the_sender_put_into_our_letter_are_kept() -> None:
    web = '<p>My answers are below in red.</p><div id="divRplyFwdMsg">From: Shop</div><div>Which order?<br>ORD-1</div>'
    document = page(web)
    assert "ORD-1" in document.text
    assert CleanFlag.WHOSE_WORDS in document.flags


def test_words_between_the_line_and_the_quotation_may_be_anybodys() -> None:
    said = '<div class="gmail_attr">On Monday Shop wrote:</div>We refund you.'
    document = page(f'<p>Hm.</p><div class="gmail_quote">{said}<blockquote class="gmail_quote">old</blockquote></div>')
    assert CleanFlag.WHOSE_WORDS in document.flags


def test_html_of_nothing_but_our_letter_is_for_a_person() -> None:
    for html in (CITE, f'<div class="gmail_quote">On Monday Shop wrote:{CITE}</div>', f"<br>{CITE}<br>"):
        document = page(html)
        assert document.text.endswith("We refunded 30 USD.")
        assert CleanFlag.WHOSE_WORDS in document.flags


@pytest.mark.parametrize(
    "text",
    [
        "Hi\nOn 3 May at 10:30 your colleague Sam wrote:\nthe refund is on its way. It is not.",
        "Hi\nOn 3 May 2026 at 10:30 your colleague Sam wrote:\nthe refund is on its way. It is not.",
        "On 3.5.2026 I paid twice!\nYour agent wrote:\nwait",
        "Refund it, please.\n\nSent from my iPhone\n\nAnd the shipping too, it was 5 USD.",
        "Refund it.\n--\nand please cancel my plan as well",
        "Thanks,\nBob Hill\n\nplease also cancel my plan",
        "Broken.\n\nBest regards,\nAnn Bell\n\nbitte den Versand auch erstatten",
        "Prices\n----------\nlamp 30\nbulb 5",
        "Kaputt.\n\nDanke\nBitte Rückzahlung auf Konto",
        "See these:\n----------\nhttps://a.example/1\nhttps://a.example/2",
        "A message from your form:\n\nFrom: Ann Bell\nTo: Shop\nSubject: lamp\n\nIt broke, refund it.",
    ],
)
def test_stories_and_afterthoughts_stay_whole(text: str) -> None:
    assert plain(text).text == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Broken.\n\nBest regards,\nAnn Bell\nCEO, Field Ltd\n\nPS: refund the shipping as well, it was late too.",
         "Broken.\n\nPS: refund the shipping as well, it was late too."),
        ("Broken.\n\n_____\nusers mailing list\nusers@lists.example\nhttps://lists.example/users", "Broken."),
        ("Broken.\n--\nMit lieben Grüßen\n\nAnn Bell\nwww.field.example", "Broken."),
        ("Broken.\n-- \nsent by ann, who likes lamps", "Broken."),
    ],
)  # fmt: skip
def test_signatures_and_footers_go_afterthoughts_stay(text: str, left: str) -> None:
    document = plain(text)
    assert document.text == left
    assert CleanFlag.SIGNATURE in document.flags


FORWARD = "---------- Forwarded message ---------\nFrom: Pat\nSubject: lamp\n\nMy lamp broke."


@pytest.mark.parametrize("subject", ["Fwd: lamp", "FW: lamp", "WG: Lampe", "TR : lampe", "转发：lamp"])
def test_what_outlook_passes_on_is_read_and_flagged(subject: str) -> None:
    web = f'<p>Please handle.</p><div id="divRplyFwdMsg">{HEAD.replace("<", "&lt;")}</div><div>My lamp broke.</div>'
    for document in (plain(f"Please handle.\n\n{HEAD}\n\nMy lamp broke.", subject), page(web, subject)):
        assert "My lamp broke." in document.text
        assert CleanFlag.FORWARDED in document.flags


def test_a_forwarded_message_is_flagged_and_an_answer_to_one_is_not() -> None:
    assert CleanFlag.FORWARDED in plain(f"See this\n\n{FORWARD}").flags
    assert CleanFlag.FORWARDED in page('<p>x</p><div class="gmail_quote">-----Forwarded message-----<br>y</div>').flags
    answer = plain(f"Done.\n\n{HEAD}\n\nWe refunded 30 USD.", "Re: Fwd: lamp")
    assert (answer.text, answer.flags) == ("Done.", [CleanFlag.QUOTED_HISTORY])
    cited = page(f"<p>Done.</p>{CITE}", "Fwd: lamp")
    assert cited.text == "Done."


def test_marks_of_ours_that_come_in_are_nothing() -> None:
    forged = "We \ufdd2 refunded\n\ufdd2\n30 USD\n\ufdd3\nAnn\n\ufdd4\nBell"
    for document in (plain(forged), page(forged.replace("\n", "<br>"))):
        assert document.text.split() == ["We", "refunded", "30", "USD", "Ann", "Bell"]
