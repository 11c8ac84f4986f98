"""Answers from the mail programs of Microsoft, mail.ru and Yandex: the letter that they carry along is cut, in HTML
and in text, whatever language the program speaks.
"""

import pytest

from adapters.cleaning.cleaner import DocumentCleaner
from domain.inbound.cleaned import CleanDocument, CleanFlag
from tests.fakes.blueprint import WORDS

CLEANER = DocumentCleaner(WORDS.mail)
NEW = "The lamp ORD-1 is broken."
OLD = "We refunded 30 USD. Which order do you mean?"

# --- Hotmail, Outlook.com, Windows Mail, the new Outlook, Outlook for telephones ---

RULE = '<hr tabindex="-1" style="display:inline-block; width:98%">'
FONT = '<font face="Calibri, sans-serif" color="#000000" style="font-size:11pt">'


def outlook_head(names: str, style: str = "b") -> str:
    who, when, whom, what = names.split("|")
    return (
        f"<{style}>{who}</{style}> Shop &lt;care@shop.example&gt;<br><{style}>{when}</{style}> "
        f"Monday, November 23, 2026 9:05 AM<br><{style}>{whom}</{style}> Ann Bell &lt;ann@hotmail.example&gt;<br>"
        f"<{style}>{what}</{style}> Your lamp"
    )


ENGLISH = "From:|Sent:|To:|Subject:"
NAMES = [
    ENGLISH,
    "Von:|Gesendet:|An:|Betreff:",
    "De :|Envoyé :|À :|Objet :",
    "De:|Enviado:|Para:|Asunto:",
    "Da:|Inviato:|A:|Oggetto:",
    "De:|Enviado:|Para:|Assunto:",
    "Van:|Verzonden:|Aan:|Onderwerp:",
    "Od:|Wysłane:|Do:|Temat:",
    "Från:|Skickat:|Till:|Ämne:",
    "От:|Отправлено:|Кому:|Тема:",
    "Від:|Надіслано:|Кому:|Тема:",
    "Gönderen:|Gönderildi:|Kime:|Konu:",
    "发件人:|发送时间:|收件人:|主题:",
    "差出人:|送信日時:|宛先:|件名:",
]


def outlook_com(names: str = ENGLISH, prefix: str = "") -> str:
    return (
        f'<div class="elementToProof" style="font-family:Aptos">{NEW}</div><div id="{prefix}appendonsend"></div>{RULE}'
        f'<div id="{prefix}divRplyFwdMsg" dir="ltr">{FONT}{outlook_head(names)}</font><div>&nbsp;</div></div>'
        f'<div dir="ltr"><p>{OLD}</p></div>'
    )


MICROSOFT = [
    *(pytest.param(outlook_com(names), id=f"Outlook.com {names.split('|')[0]}") for names in NAMES),
    pytest.param(outlook_com(prefix="x_"), id="Outlook.com, shown and answered again"),
    pytest.param(outlook_com(prefix="x_x_"), id="Outlook.com, twice"),
    pytest.param(outlook_com(prefix="ecx"), id="Hotmail's prefix"),
    *(
        pytest.param(
            f"<div>{NEW}</div>{RULE}<div dir='ltr'>{FONT}{outlook_head(names)}</font></div><div>{OLD}</div>",
            id=f"a rule without ids {names.split('|')[0]}",
        )
        for names in NAMES
    ),
    pytest.param(
        f"<body class='hmmessage'><div dir='ltr'>{NEW}<br><div><hr id=\"stopSpelling\">Date: Mon, 23 Nov 2026 09:05:00 "
        f"+0000<br>Subject: Your lamp<br>From: care@shop.example<br>To: ann@hotmail.example<br><br>{OLD}</div></div>",
        id="Hotmail",
    ),
    pytest.param(
        f'<div dir="ltr">{NEW}<div><div id="SkyDrivePlaceholder"></div><hr id="stopSpelling">To: ann@hotmail.example'
        f"<br>From: care@shop.example<br><br>{OLD}</div></div>",
        id="Hotmail with two headers",
    ),
    pytest.param(
        f'<div dir="ltr">{NEW}<div><hr id="ecxstopSpelling"><div>{OLD}</div></div></div>', id="Hotmail, answered again"
    ),
    pytest.param(
        f"<div>{NEW}</div><div style='padding-top:5px;border-top-color:rgb(229,229,229);border-top-width:1px;"
        f"border-top-style:solid'><div><b>От:</b>&nbsp;<a href='mailto:care@shop.example'>Shop</a><br>"
        f"<b>Отправлено:</b>&nbsp;понедельник, 23 ноября 2026 г. 9:05<br><b>Кому:</b>&nbsp;Ann</div></div>"
        f"<div>{OLD}</div>",
        id="Windows Mail",
    ),
    pytest.param(
        f'<div>{NEW}</div><div id="ms-outlook-mobile-signature">Get Outlook for iOS</div><hr '
        f'style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f"{outlook_head(ENGLISH)}</div><div>{OLD}</div>",
        id="Outlook for telephones",
    ),
    pytest.param(
        f'<div>{NEW}</div><div id="mail-editor-reference-message-container"><div class="ms-outlook-mobile-reference-'
        f'message skipProofing"><div style="border-top:1pt solid #b5c4df">{outlook_head(ENGLISH)}</div><div>{OLD}</div>'
        "</div></div>",
        id="Outlook for telephones, new",
    ),
    pytest.param(
        f"<div>{NEW}</div><div class='ms-outlook-mobile-reference-message skipProofing'><div>{OLD}</div></div>",
        id="Outlook for telephones, without its container",
    ),
    pytest.param(
        f'<span id="OLK_SRC_BODY_SECTION"><div>{outlook_head(ENGLISH)}</div><div>{OLD}</div></span>'.join(
            [f"<div>{NEW}</div>", ""]
        ),
        id="Outlook for Mac",
    ),
    pytest.param(
        f'<div class="WordSection1"><p class="MsoNormal">{NEW}</p><div><div style="border:none;border-top:solid '
        f'#E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal">{outlook_head(ENGLISH)}</p></div></div>'
        f'<p class="MsoNormal">{OLD}</p></div>',
        id="Outlook for Windows",
    ),
]

# --- mail.ru and Yandex ---

BAR = 'style="border-left:1px solid #0857A6; margin:10px; padding:0 0 0 10px;"'
WHEN = [
    "Понедельник, 23 ноября 2026, 9:05 +03:00 от Shop &lt;care@shop.example&gt;:",
    "Mon, 23 Nov 2026 09:05:00 +0300 от Shop &lt;care@shop.example&gt;:",
    'Среда, 23 ноября 2026, 09:05 от "Shop" &lt;<a href="mailto:care@shop.example">care@shop.example</a>&gt;:',
    "Понедельник, 23 ноября 2026, 09:05 +10:00 от care@shop.example:",
    "Monday, November 23, 2026 9:05 AM +03:00 from Shop &lt;care@shop.example&gt;:",
    "Дүйсенбі, 23 қараша 2026, 9:05 +05:00 Shop &lt;care@shop.example&gt;:",
]
MAIL_RU = [
    *(
        pytest.param(f"<p>{NEW}</p><br><br>{said}<br><blockquote {BAR}><div>{OLD}</div></blockquote>", id=f"above {n}")
        for n, said in enumerate(WHEN)
    ),
    *(
        pytest.param(
            f'<div>{NEW}</div><div>&nbsp;</div><div data-signature-widget="container"><div data-signature-widget='
            f'"content"><div>--<br>Ann Bell</div></div></div><div>&nbsp;</div><blockquote {BAR}>{said}<br>&nbsp;<div '
            f'id=""><div class="js-helper js-readmsg-msg"><div id="style_17_BODY">{OLD}</div></div></div></blockquote>',
            id=f"inside {n}",
        )
        for n, said in enumerate(WHEN)
    ),
    pytest.param(
        f'<div>{NEW}</div><div class="mail-quote-collapse"><blockquote><span>{WHEN[0]}</span><br>{OLD}'
        "</blockquote></div>",
        id="collapsed",
    ),
    pytest.param(f"<div>{NEW}</div><blockquote class='mailru-blockquote'>{OLD}</blockquote>", id="by its class"),
    pytest.param(
        f"<div>{NEW}</div><br><div>{WHEN[0]}</div><blockquote {BAR.replace('#0857A6', 'rgb(8,87,166)')}>{OLD}"
        "</blockquote>",
        id="its colour spelt out",
    ),
]
YANDEX = [
    *(
        pytest.param(
            f"<div>{NEW}</div><div>&nbsp;</div><div>{said}</div><blockquote><p>{OLD}</p></blockquote>", id=said
        )
        for said in (
            '23.11.2026, 09:05, "Shop" &lt;care@shop.example&gt;:',
            '23.11.2026, 9:05, "Shop" &lt;<a href="mailto:care@shop.example">care@shop.example</a>&gt;:',
            "23.11.2026, 09:05, care@shop.example:",
            "23.11.2026, 09:05, Shop (care@shop.example):",
            '23.11.2026, 09:05, "Магазин &quot;Лампа&quot;" &lt;care@shop.example&gt; написал(а):',
            "23 ноября 2026 г., 09:05, Shop &lt;care@shop.example&gt;:",
            "23 ноября 2026, 09:05 от Shop &lt;care@shop.example&gt;:",
            "23.11.2026 09:05, Shop пишет:",
        )
    ),
    pytest.param(
        f"<div>{NEW}</div><div>----------------</div><div>Кому: ann@ya.example;</div><div>Тема: Your lamp;</div>"
        f'<div>23.11.2026, 09:05, "Shop" &lt;care@shop.example&gt;:</div><blockquote><div>{OLD}</div></blockquote>',
        id="with headers above",
    ),
    pytest.param(
        f"<div>{NEW}</div><div>&nbsp;</div><div>----------------</div><div>Кому: Ann (ann@ya.example);</div>"
        f"<div>Тема: Your lamp;</div><div>23.11.2026, 09:05, &quot;Shop&quot; &lt;care@shop.example&gt;:</div>"
        f"<div>{OLD}</div>",
        id="with headers and no quotation",
    ),
    pytest.param(
        f"<div>{NEW}</div><div>-- <br>Отправлено из мобильного приложения Яндекс Почты</div><div>23.11.2026, 09:05, "
        f"&quot;Shop&quot; &lt;care@shop.example&gt;:</div><blockquote>{OLD}</blockquote>",
        id="from the app",
    ),
]
HTML = [*MICROSOFT, *MAIL_RU, *YANDEX]


def page(html: str) -> CleanDocument:
    return CLEANER.clean(subject="Re: Your lamp", text=None, html=html, lang=None)


@pytest.mark.parametrize("html", HTML)
def test_the_letter_that_an_answer_carries_along_is_cut(html: str) -> None:
    document = page(html)
    assert document.text.split("\n")[0] == NEW
    assert "30 USD" not in document.text
    assert "Shop" not in document.text
    assert CleanFlag.QUOTED_HISTORY in document.flags
    assert not document.suspicious


@pytest.mark.parametrize("html", HTML)
def test_what_alone_is_there_is_never_cut_to_nothing(html: str) -> None:
    """A program that puts the new words into the shell of the old ones: a lost answer is worse than a kept letter."""
    document = page(html.replace(NEW, ""))
    assert document.text.strip()


MAIL_RU_SAYS = "Понедельник, 23 ноября 2026, 9:05 +03:00 от Shop <care@shop.example>:"
YANDEX_SAYS = '23.11.2026, 09:05, "Shop" <care@shop.example>:'
YANDEX_HEAD = f"----------------\nКому: ann@ya.example;\nТема: Your lamp;\n{YANDEX_SAYS}"
RUSSIAN_HEAD = "От: Shop <care@shop.example>\nОтправлено: 23 ноября 2026 г. 9:05\nКому: Ann\nТема: Your lamp"
HOTMAIL_HEAD = "Date: Mon, 23 Nov 2026 09:05:00\nSubject: Your lamp\nFrom: care@shop.example\nTo: ann@hotmail.example"
TEXTS = [
    f"{NEW}\n\n\n>{MAIL_RU_SAYS}\n>\n>{OLD}",
    f"{NEW}\n\n{MAIL_RU_SAYS}\n>{OLD}",
    f"{NEW}\n \n{MAIL_RU_SAYS}\n \n{OLD}",
    f"{NEW}\n\n{YANDEX_SAYS}\n> {OLD}",
    f"{NEW}\n\n{YANDEX_SAYS}\n{OLD}",
    f"{NEW}\n\n{YANDEX_HEAD}\n\n{OLD}",
    f"{NEW}\n\n________________________________\n{RUSSIAN_HEAD}\n\n{OLD}",
    f"{NEW}\n\n{HOTMAIL_HEAD}\n\n{OLD}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_in_text_too(text: str) -> None:
    document = CLEANER.clean(subject="Re: Your lamp", text=text, html=None, lang=None)
    assert document.text.split("\n")[0] == NEW
    assert "30 USD" not in document.text
    assert "Shop" not in document.text


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        (f"<p>{NEW}</p><hr><p>Refund 30 USD.</p>", "Refund 30 USD."),  # people draw lines, too
        (f"<p>{NEW}</p><hr tabindex='-1'><p>Refund 30 USD.</p>", "Refund 30 USD."),
        (f"<p>{NEW}</p><blockquote style='border-left:1px solid #999'>Refund 30 USD.</blockquote>", "Refund 30 USD."),
        (f"<p>{NEW}</p><blockquote>Your page says: refund within 14 days.</blockquote>", "within 14 days"),
        ("<p>On 23.11.2026, 09:05, I wrote to you: Refund 30 USD.</p>", "Refund 30 USD."),
        ("<div>23.11.2026, 09:05: the parcel came.</div><div>Refund 30 USD.</div>", "Refund 30 USD."),
        (f"<p>{NEW}</p><blockquote>23.11.2026, 09:05: it broke.<br>Refund 30 USD.</blockquote>", "Refund 30 USD."),
    ],
)
def test_what_only_looks_like_a_shell_stays(html: str, kept: str) -> None:
    assert kept in page(html).text


@pytest.mark.parametrize("said", WHEN)
def test_answers_below_a_quotation_of_mail_ru_stay(said: str) -> None:
    document = page(f"<blockquote {BAR}>{said}<br><div>{OLD}</div></blockquote><div>{NEW}</div>")
    assert NEW in document.text
    assert "30 USD" not in document.text
