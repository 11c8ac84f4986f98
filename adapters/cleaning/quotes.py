"""What a message carries besides what its sender has just written: older messages, signatures, disclaimers.

All by the line, from the first letters of a line or from the end of the message, so that nothing is read twice. When
nothing would be left, the message stays as it is: somebody who forwards a mail without a word still says something.
"""

import re

from domain.inbound.cleaned import CleanFlag

MAX_SIGNATURE_LINES = 10
_GAPS = re.compile(r"\n{3,}")
_MAX_CLOSING = 80
_MAX_SENT_FROM = 120
_MAX_LINE = 400  # longer lines are prose

_WROTE = (
    r"wrote|schrieb|schrieb am .{4,60}|(?:schrieb|schreef|skrev) .{2,100}|a écrit|ha scritto|escribió|escreveu|"
    r"schreef|napisał(?:\(a\))?|napisała|skrev|kirjoitti|napsal(?:\(a\))?|"
    r"írta|a scris|yazdı|şunu yazdı|написал(?:\(а\))?|пише|написа|έγραψε"
)
_WROTE_LINE = re.compile(
    rf"(?:{_WROTE})\s?(?:\w{{0,20}}\s?)?[:：]\s?$|(?:写道|寫道|のメール|님이 작성)[:：]?\s?$|كتب[^\n]{{0,80}}[:：]\s?$",
    re.IGNORECASE,
)
_WROTE_START = re.compile(
    r"(?:On|Am|Le|El|Il|Em|A|Op|W dniu|Dnia|Den|På|Dne|În data|La|Ma|В|на|Στις|Vào)\s|"
    r"[0-9]{1,4}[./-]|.{1,80}<[^<>\s]{3,100}@[^<>\s]{3,100}>|.{2,60}\s(?:schrieb|wrote)\s|(?:Mon|Tue|Wed|Thu|Fri|"
    r"Sat|"
    r"Sun)|(?:في|بتاريخ)\s",
    re.IGNORECASE,
)
# Without one of these "On 3 May your agent wrote:" may be the sender's own story.
_TIME_OR_ADDRESS = re.compile(r"@|(?<!\d)[0-9]{1,2}[:.h][0-9]{2}(?![.\d])")
_DIVIDER = re.compile(
    r"[-_*]{2,}\s?(?:Original Message|Original-Nachricht|Ursprüngliche Nachricht|Originalnachricht|Message d'origine|"
    r"Message original|"
    r"Mensaje original|Mensagem original|Messaggio originale|Oorspronkelijk bericht|Oryginalna wiadomość|Wiadomość "
    r"oryginalna|"
    r"Ursprungligt meddelande|Original besked|Исходное сообщение|Reply above this line|Please reply above this "
    r"line)\s?[-_*]{2,}$|"
    r"#{2,}- ?Please type your reply above this line ?-#{2,}$|_{20,}$",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\*?(From|Von|De|Da|Van|Od|Från|Fra|От|Sent|Gesendet|Envoyé|Enviado|Inviato|Verzonden|Wysłano|Skickat|Sendt|"
    r"Date|Datum|Fecha|Data|Дата|"
    r"Отправлено|To|An|À|Para|A|Aan|Do|Till|Til|Кому|Cc|Kopie|Subject|Betreff|Objet|Asunto|Oggetto|Assunto|Onderwerp|"
    r"Temat|Ämne|Emne|Тема)"
    r"\s?:\*?\s",
    re.IGNORECASE,
)
_FIRST_HEADERS = frozenset(["from", "von", "de", "da", "van", "od", "från", "fra", "от"])
_FORWARD = re.compile(
    r"-{3,}\s?(?:Forwarded message|Weitergeleitete Nachricht|Message transféré|Mensaje reenviado|Messaggio inoltrato|"
    r"Mensagem encaminhada|"
    r"Doorgestuurd bericht|Przekazana wiadomość)|Begin forwarded message",
    re.IGNORECASE,
)

_SENT_FROM = re.compile(
    r"(?:Sent (?:from|via|with) (?:my )?(?:mobile|i?phone|ipad|android|samsung|galaxy|blackberry|outlook|yahoo|mail|"
    r"proton|windows|huawei|xiaomi|pixel)|"
    r"Get Outlook for |Von (?:meinem|unterwegs|Samsung Mobile|Yahoo Mail)\b.{0,30}\b(?:gesendet|geschickt)|Gesendet "
    r"(?:von|mit|über) (?:meinem|mobile|der|Outlook|Yahoo)|"
    r"Diese Nachricht wurde von meinem .{3,60} gesendet|Envoyé (?:de|depuis|à partir de) (?:mon|l|Outlook|Yahoo)|"
    r"Enviado (?:desde|do|de|a partir do) (?:mi|meu|Outlook|Yahoo)|"
    r"Inviato (?:da|dal mio|con) ?(?:iphone|ipad|android|il mio|Outlook|Yahoo|mio)?|Verzonden (?:vanaf|met|van) "
    r"(?:mijn|Outlook)|Wysłan[eo] z |"
    r"Skickat från min|Sendt fra min|Отправлено (?:с|из) |iPhone'?(?:umdan|dan) gönderildi|从我的.{2,20}发送|"
    r"發自我的|"
    r"iPhoneから送信|أرسلت من)",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:many |kind |best |warm |with |and |my )*(?:thanks|thank you|thx|regards|cheers|best|sincerely|wishes|"
    r"respectfully)"
    r"(?: (?:and|&) (?:kind |best )?(?:regards|wishes))?(?: (?:so|very) much| a lot| again| in advance| for your "
    r"(?:help|time|assistance))?|"
    r"yours(?: (?:sincerely|faithfully|truly))?|sincerely yours|take care|"
    r"(?:mit )?(?:freundlichen?|herzlichen?|besten?|viele|liebe|schöne|beste|freundliche|herzliche) (?:grüßen?|gruß|"
    r"grüsse[n]?|gruss|dank)|"
    r"mfg|vg|lg|hochachtungsvoll|danke(?: (?:schön|sehr|im voraus|und (?:viele )?grüße))?|gruß|grüße|"
    r"(?:bien )?cordialement|bien à vous|sincères salutations|merci(?: (?:d'avance|beaucoup|et bonne journée))?|"
    r"salutations|"
    r"(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente|(?:muchas )?gracias(?: de antemano| y saludos)?|un "
    r"saludo|"
    r"(?:cordiali |distinti )?saluti|grazie(?: mille| e saluti)?|(?:com os melhores )?cumprimentos|atenciosamente|"
    r"(?:muito )?obrigad[oa]|abraços|att|"
    r"(?:met )?(?:vriendelijke|hartelijke) groet(?:en)?|mvg|groetjes|bedankt|dank u(?: wel)?|"
    r"pozdrawiam(?: serdecznie)?|z poważaniem|dziękuję|med vänliga hälsningar|mvh|saygılarımla|teşekkürler|с "
    r"уважением|спасибо|مع التحية|شكرا)"
    r"\s?[,.!;،]*",
    re.IGNORECASE,
)
_NAME_LINE = re.compile(
    r"(?:-|–|—)?\s?[^\W\d_][^\W\d_'’.-]*+\.?(?:\s(?:[^\W\d_]\.?|[^\W\d_][^\W\d_'’.-]*+\.?)){0,4}[.,]?"
)
_KEPT_LINE = re.compile(
    r"[#№]|\b(?:order|ref|reference|ticket|case|invoice|customer|account|booking|contract|policy|serial|tracking|"
    r"bestell|auftrag|kunden|rechnung|vertrag|commande|facture|client|dossier|pedido|factura|cliente|ordine|fattura|"
    r"bestelling|"
    r"factuur|zamówieni|faktur|заказ|طلب)\w*[\s.:#-]|[A-Z]{2,5}-?[0-9]{4,}|[?]|[$€£]\s?[0-9]",
    re.IGNORECASE,
)
_CONTACT_LINE = re.compile(
    r"[@]|www\.|https?:|(?:tel|phone|mobile|mob|cell|fax|desk|office|direct|handy|telefon|mobil|tél|email|e-mail|"
    r"mail|web|website|skype|whatsapp)\b|"
    r"\+?[0-9][0-9 ()./-]{5,}",
    re.IGNORECASE,
)
_DISCLAIMER_START = re.compile(
    r"(?:\W{0,4})(?:(?:this|the) (?:e-?mail|message|communication|transmission|information|content)|confidentiality|"
    r"disclaimer|privileged|"
    r"legal notice|important notice|notice:|please consider the environment|think before you print|save paper|"
    r"virus-free|"
    r"diese (?:e-?mail|nachricht)|der inhalt dieser|vertraulichkeit|wichtiger hinweis|bitte denken sie an die umwelt|"
    r"ce (?:message|courriel|mail)|cet e-?mail|avis de confidentialité|pensez à l'environnement|"
    r"este (?:mensaje|correo|e-?mail)|aviso (?:legal|de confidencialidad)|esta mensagem|questa? (?:e-?mail|messaggio|"
    r"comunicazione)|le informazioni contenute|"
    r"dit (?:bericht|e-?mail)|deze e-?mail|ta wiadomość|niniejsza wiadomość)",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_DISCLAIMER_WORD = re.compile(
    r"confidential|privileged|intended (?:only |solely )?(?:for|recipient)|addressee|unauthori[sz]ed|notify the "
    r"sender|delete (?:it|this|the)|"
    r"disclos|strictly prohibited|before printing|the environment|you print|virus|vertraulich|empfänger|unbefugt|"
    r"vernichten|umwelt|confidentiel|destinataire|"
    r"environnement|confidencial|destinatari|prohibid|proibid|riservat|vertrouwelijk|geadresseerde|ontvanger|poufn|"
    r"adresat",
    re.IGNORECASE,
)


def strip_extras(text: str) -> tuple[str, set[CleanFlag]]:
    """Return what the sender wrote, without quoted history, signature and disclaimers, and which of these were there.

    Order numbers, references, questions and amounts that stand in a signature are kept. Answers between or below quoted
    lines are kept.
    """
    flags: set[CleanFlag] = set()
    lines = _without_disclaimers(_without_history(text.split("\n"), flags), flags)
    while _drop_signature(lines, flags):
        pass
    kept = _GAPS.sub("\n\n", "\n".join(lines)).strip()
    return (kept, flags) if kept else (text, set())


def _without_history(lines: list[str], flags: set[CleanFlag]) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if _FORWARD.match(line):
            return kept + lines[index:]
        if line.startswith(">"):
            flags.add(CleanFlag.QUOTED_HISTORY)
            index += 1
            continue
        attribution = _attribution_length(lines, index)
        if attribution:
            follows = _next_filled(lines, index + attribution)
            flags.add(CleanFlag.QUOTED_HISTORY)
            if follows < len(lines) and lines[follows].lstrip().startswith(">"):
                index += attribution
                continue
            return kept
        if (
            kept
            and any(part.strip() for part in kept)
            and (_starts_header_block(lines, index) or _divides(lines, index))
        ):
            flags.add(CleanFlag.QUOTED_HISTORY)
            return kept
        kept.append(lines[index])
        index += 1
    return kept


def _divides(lines: list[str], index: int) -> bool:
    line = lines[index].strip()
    if not line or line[0] not in "-_*#" or len(line) > 200 or not _DIVIDER.match(line):
        return False
    # A bare rule is a divider only in front of a header block: people draw lines too.
    return line.strip("_ ") != "" or _starts_header_block(lines, _next_filled(lines, index + 1))


def _attribution_length(lines: list[str], index: int) -> int:
    """Return over how many lines an "On … wrote:" at this place goes (mail programs wrap it), 0 if there is none."""
    first = lines[index].strip()
    if not first or len(first) > _MAX_LINE or not _WROTE_START.match(first):
        return 0
    joined = ""
    for count in range(1, 4):
        if index + count > len(lines):
            return 0
        part = lines[index + count - 1].strip()
        if not part or len(part) > _MAX_LINE:
            return 0
        joined = f"{joined} {part}".strip()
        if _WROTE_LINE.search(joined[-150:]):
            return count if _TIME_OR_ADDRESS.search(joined) else 0
    return 0


def _starts_header_block(lines: list[str], index: int) -> bool:
    """Tell whether at least three mail headers begin here, "From:" first."""
    if index >= len(lines):
        return False
    match = _HEADER.match(lines[index].strip()[:80] + " ")
    if match is None or match.group(1).lower() not in _FIRST_HEADERS:
        return False
    seen = {match.group(1).lower()}
    for line in lines[index + 1 : index + 8]:
        if further := _HEADER.match(line.strip()[:80] + " "):
            seen.add(further.group(1).lower())
    return len(seen) >= 3


def _next_filled(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _without_disclaimers(lines: list[str], flags: set[CleanFlag]) -> list[str]:
    """Drop paragraphs that are legal notices; the first paragraph is never one."""
    first = _next_filled(lines, 0)
    kept: list[str] = []
    index = 0
    while index < len(lines):
        starts = (
            index > first
            and (not lines[index - 1].strip() or len(lines[index]) > 80)
            and _DISCLAIMER_START.match(lines[index][:120])
        )
        if starts:
            end = index
            while end < len(lines) and lines[end].strip():
                end += 1
            paragraph = " ".join(lines[index:end])[:4000]
            if len(set(_DISCLAIMER_WORD.findall(paragraph.lower()))) >= (1 if len(paragraph) < 160 else 2):
                flags.add(CleanFlag.DISCLAIMER)
                index = end
                continue
        kept.append(lines[index])
        index += 1
    return kept


def _drop_signature(lines: list[str], flags: set[CleanFlag]) -> bool:
    """Cut one signature from the end, in place; tell whether there was one. Looks at the last few lines only."""
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and _is_sent_from(lines[-1].strip()):
        return _cut(lines, len(lines) - 1, flags)
    filled = 0
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index].strip()
        if not line:
            continue
        filled += 1
        if filled > MAX_SIGNATURE_LINES + 2:
            return False
        signed = len(line) <= _MAX_CLOSING and _CLOSING.fullmatch(line) and _looks_signed(lines[index + 1 :])
        if line in ("--", "—") or _is_sent_from(line) or signed:
            return _cut(lines, index, flags)
    return False


def _is_sent_from(line: str) -> bool:
    return len(line) < _MAX_SENT_FROM and _SENT_FROM.match(line) is not None


def _cut(lines: list[str], start: int, flags: set[CleanFlag]) -> bool:
    """Cut from a line on, keeping order numbers and the like; never the whole message. Tell whether lines went."""
    if not any(lines[index].strip() for index in range(start)):
        return False
    before = len(lines)
    # A question mark in the address of an advertisement asks nothing.
    lines[start:] = [line for line in lines[start:] if _KEPT_LINE.search(_URL.sub("", line[:_MAX_LINE]))]
    if len(lines) == before:
        return False
    flags.add(CleanFlag.SIGNATURE)
    return True


def _looks_signed(tail: list[str]) -> bool:
    """Tell whether what follows a closing phrase is a name with title, firm and numbers, not more of the message."""
    filled = [line.strip() for line in tail if line.strip()]
    if not filled:
        return False
    if len(filled) > MAX_SIGNATURE_LINES or any(len(line) > 90 for line in filled):
        return False
    first = filled[0]
    words = first.split()
    named = bool(_NAME_LINE.fullmatch(first)) and (
        all(word[:1].isupper() for word in words[:2]) or (not first.isascii() and len(words) <= 4)
    )
    if not named:
        return False
    return all(
        _KEPT_LINE.search(line)
        or _CONTACT_LINE.search(line)
        or (len(line.split()) <= 7 and not line.endswith(("?", "!")))
        for line in filled[1:]
    )
