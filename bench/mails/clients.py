"""Mails as programs make them: quotation, signature, files, lists and ticket systems."""

import html
from collections.abc import Callable

from bench.mails.envelope import Envelope
from bench.mails.exchange import ADDRESS, SHOP, Exchange, in_turns
from bench.mails.vocabulary import Vocabulary

Client = Callable[[Vocabulary, Envelope], bytes]


def gmail(words: Vocabulary, envelope: Envelope) -> bytes:
    """Plain text and HTML; answers stand inside the element of the quotation."""
    mail = Exchange.new(words, envelope)
    said = f'<div dir="ltr" class="gmail_attr">{html.escape(mail.attribution)}<br></div>'
    quote = '<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">'
    turns = in_turns(mail, quote, "</blockquote>")
    if mail.place == "top":
        above, turns = mail.paragraphs(mail.own), f"{quote}{mail.paragraphs(mail.old)}</blockquote>"
    else:
        above = ""
    page = f'<div dir="ltr">{above}<br></div><div class="gmail_quote gmail_quote_container">{said}{turns}</div>'
    return envelope.multi("alternative", envelope.leaf("text/plain", mail.quoted()), envelope.leaf("text/html", page))


def gmail_html(words: Vocabulary, envelope: Envelope) -> bytes:
    """HTML alone, with a signature."""
    mail = Exchange.new(words, envelope, ("top",))
    page = (
        f'<div dir="ltr">{mail.paragraphs(mail.own)}<div><br></div><span class="gmail_signature_prefix">-- </span><br>'
        f'<div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature">{mail.name}<br>Field Ltd</div></div>'
        f'<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{html.escape(mail.attribution)}<br></div>'
        f'<blockquote class="gmail_quote">{mail.paragraphs(mail.old)}</blockquote></div>'
    )
    return envelope.leaf("text/html", page)


def outlook_desktop(words: Vocabulary, envelope: Envelope) -> bytes:
    """The HTML of Word, and plain text in which nothing marks the older letter but its headers."""
    mail = Exchange.new(words, envelope, ("top",))
    names = words.tongue.headers
    values = (f"{SHOP} &lt;{ADDRESS}&gt;", "Monday, November 23, 2026 9:05 AM", "Robin Field", "Your order")
    block = "<br>".join(f"<b>{name}:</b> {value}" for name, value in zip(names, values, strict=True))
    page = (
        '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0cm}</style></head>'
        f"<body lang=EN><div class=WordSection1>{mail.paragraphs(mail.own, 'p class=MsoNormal')}<p class=MsoNormal>"
        f"<o:p>&nbsp;</o:p></p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>"
        f"<p class=MsoNormal>{block}<o:p></o:p></p></div></div>{mail.paragraphs(mail.old, 'p class=MsoNormal')}</div>"
        "</body></html>"
    )
    return envelope.multi("alternative", envelope.leaf("text/plain", mail.headed()), envelope.leaf("text/html", page))


def outlook_web(words: Vocabulary, envelope: Envelope) -> bytes:
    """HTML alone; the older letter begins at an element with a name."""
    mail = Exchange.new(words, envelope, ("top",))
    page = (
        f'<html><body dir="ltr"><div class="elementToProof">{mail.paragraphs(mail.own)}</div><div id="appendonsend">'
        f'</div><hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri">'
        f"<b>From:</b> {SHOP} &lt;{ADDRESS}&gt;<br><b>Subject:</b> Your order</font><div>&nbsp;</div></div>"
        f"{mail.paragraphs(mail.old)}</body></html>"
    )
    return envelope.leaf("text/html", page)


def apple(words: Vocabulary, envelope: Envelope) -> bytes:
    """Text and HTML around a file, answers between quotations."""
    mail = Exchange.new(words, envelope)
    cite = f'<br><blockquote type="cite"><div>{html.escape(mail.attribution)}</div><br>'
    page = f"<html><body>{in_turns(mail, cite, '</blockquote><br>')}</body></html>"
    after = f"<html><body><div>{html.escape(words.own_sentence())}</div></body></html>"
    return envelope.multi(
        "mixed", envelope.leaf("text/html", page), envelope.file("photo.jpg", "image/jpeg", "inline"),
        envelope.leaf("text/html", after),
    )  # fmt: skip


def apple_flowed(words: Vocabulary, envelope: Envelope) -> bytes:
    """Flowed plain text with DelSp, and HTML beside it inside which a file stands."""
    mail = Exchange.new(words, envelope)
    plain = envelope.leaf("text/plain", mail.quoted(flow=True, delsp=True), parameters="; format=flowed; delsp=yes")
    cite = '<blockquote type="cite">'
    page = envelope.leaf("text/html", f"<html><body>{in_turns(mail, cite, '</blockquote>')}</body></html>")
    return envelope.multi("alternative", plain, envelope.multi("related", page, envelope.file("a.png", "image/png")))


def thunderbird(words: Vocabulary, envelope: Envelope) -> bytes:
    """Flowed plain text, the signature below."""
    mail = Exchange.new(words, envelope)
    text = f"{mail.quoted(flow=True)}\n-- \n{mail.name}\nField Ltd"
    return envelope.leaf("text/plain", text, parameters="; format=flowed")


def thunderbird_html(words: Vocabulary, envelope: Envelope) -> bytes:
    """HTML alone."""
    mail = Exchange.new(words, envelope)
    said = f'<div class="moz-cite-prefix">{html.escape(mail.attribution)}<br></div>'
    turns = in_turns(mail, f'{said}<blockquote type="cite" cite="mid:1@shop.example">', "</blockquote>")
    sign = f'<pre class="moz-signature" cols="72">-- \n{mail.name}</pre>'
    return envelope.leaf("text/html", f"<!DOCTYPE html><html><body>{turns}{sign}</body></html>")


def roundcube(words: Vocabulary, envelope: Envelope) -> bytes:
    """The line above the quotation is a paragraph like any other, and so is the quotation in half of them."""
    mail = Exchange.new(words, envelope, ("top", "bottom"))
    begin = words.rng.choice(['<blockquote type="cite" style="padding:0 0.4em">', '<blockquote style="margin:1em">'])
    turns = in_turns(mail, f"<p>{html.escape(mail.attribution)}</p>{begin}", "</blockquote>")
    return envelope.leaf("text/html", f"<html><body>{turns}</body></html>")


def plain_answer(words: Vocabulary, envelope: Envelope) -> bytes:
    """Plain text with ">", as most programs write it."""
    mail = Exchange.new(words, envelope)
    return envelope.leaf("text/plain", mail.quoted(words.rng.choice(["> ", ">", ">> "])))


def exchange_server(words: Vocabulary, envelope: Envelope) -> bytes:
    """A divider, headers and the older letter; behind a sign in half of them, with an answer below."""
    mail = Exchange.new(words, envelope, ("top",))
    if words.rng.random() < 0.5:
        return envelope.leaf("text/plain", mail.headed("-----Original Message-----"))
    below = words.own_sentence()
    return envelope.leaf("text/plain", f"{mail.headed('-----Original Message-----', '> ')}\n{below}\n")


def phone(words: Vocabulary, envelope: Envelope) -> bytes:
    """A line that the phone adds, then the older letter with its first line behind the sign too."""
    mail = Exchange.new(words, envelope, ("top",))
    old = "\n".join(f"> {line}" for line in [mail.attribution, "", *mail.old])
    return envelope.leaf("text/plain", "\n\n".join([*mail.own, "Sent from my iPhone", old]))


def android(words: Vocabulary, envelope: Envelope) -> bytes:
    """A divider in dashes, headers, the older letter."""
    mail = Exchange.new(words, envelope, ("top",))
    return envelope.leaf("text/plain", mail.headed("-------- Original message --------"))


def yahoo(words: Vocabulary, envelope: Envelope) -> bytes:
    """Nothing marks the older letter in plain text but the line above it; HTML wraps it."""
    mail = Exchange.new(words, envelope, ("top",))
    plain = "\n\n".join([*mail.own, f"On Monday, November 23, 2026 at 09:05:00 AM GMT+1, {SHOP} <{ADDRESS}> wrote:"])
    page = (
        f'<html><body><div class="ydp1yahoo-style-wrap">{mail.paragraphs(mail.own)}</div><div id="ydp2yahoo_quoted_1" '
        f'class="ydp2yahoo_quoted"><div>On Monday {SHOP} wrote:</div><div>{mail.paragraphs(mail.old)}</div></div>'
        "</body></html>"
    )
    return envelope.multi(
        "alternative",
        envelope.leaf("text/plain", plain + "\n\n" + "\n\n".join(mail.old)), envelope.leaf("text/html", page),
    )  # fmt: skip


def proton(words: Vocabulary, envelope: Envelope) -> bytes:
    """HTML whose wrapper holds the line above the quotation, the quotation, and what is written below."""
    mail = Exchange.new(words, envelope, ("top", "bottom"))
    above, below = (mail.own, []) if mail.place == "top" else ([], mail.own)
    page = (
        f'<div style="font-family:Arial">{mail.paragraphs(above)}</div><div class="protonmail_quote">'
        f'{html.escape(mail.attribution)}<br><br><blockquote class="protonmail_quote" type="cite">'
        f"{mail.paragraphs(mail.old)}</blockquote><br>{mail.paragraphs(below)}</div>"
    )
    return envelope.leaf("text/html", page)
