# ruff: noqa: E501 - one wish a line is read more easily than half of one
"""Complaints made by rule, each with what it asks for: every way of writing an amount or a share, in every place.

Nothing here is anybody's message. The same seed makes the same texts. What is asked is known because the text was
made from it; a system may pay that much or ask a person, and never more.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SEED = 20_261_129
ORDER = "ORD-48213"
TOTAL_MINOR = 12_000  # of the order, in its currency; the yen has no hundredths


@dataclass(frozen=True)
class MadeClaim:
    """A complaint and the truth about it; `asked_minor` is the most that it asks for, minor units of `currency`."""

    text: str
    lang: str
    currency: str
    kind: str
    asked_minor: int


class Phrases(NamedTuple):
    """How a language says it: {order}, {asked} and the like are put in."""

    lang: str
    broken: str
    wish: str  # with {asked}
    wish_all: str
    only: str  # before an amount
    keep: str
    money: tuple[str, ...]  # words for the currency, after a number
    shares: tuple[tuple[str, int], ...]  # words and basis points
    parts: tuple[str, ...]  # whole wishes for a part that has no price
    not_now: tuple[str, ...]  # wishes taken back or tied to something
    besides: tuple[str, ...]  # further wishes and remedies
    second: str  # another order, {other}


PHRASES = (
    Phrases(
        "en", "Order {order} arrived broken.", "Please refund {asked}.", "Please refund it.", "only", "I will keep it.",
        ("dollars", "USD"),
        (("half", 5000), ("a quarter", 2500), ("a third", 3333), ("25 percent", 2500), ("10 per cent", 1000)),
        ("Please refund only the broken mug.", "Please refund one of the four cups.", "Refund everything but the lid.",
         "Please refund the shipping costs.", "A partial refund please.", "Please refund the VAT and nothing else."),
        ("Please ignore my refund request, it works again.", "Do not refund it yet, please call me first.",
         "Only refund it if you cannot send a new one.", "Never mind the refund, I repaired it."),
        ("I would like a replacement instead of a refund.", "Please refund it. Also, can you tell me how to reset my password?",
         "Please refund it, although you have sent me a voucher already.",
         "Please refund it; my bank has opened a chargeback as well."),
        "Please refund it. The same goes for order {other}.",
    ),
    Phrases(
        "de", "Die Bestellung {order} kam beschädigt an.", "Bitte erstatten Sie mir {asked}.", "Bitte erstatten Sie sie mir.",
        "nur", "Ich behalte die Ware.", ("Euro", "EUR"),
        (("die Hälfte", 5000), ("ein Viertel", 2500), ("ein Drittel", 3333), ("25 Prozent", 2500), ("10 v.H.", 1000)),
        ("Bitte erstatten Sie nur die kaputte Tasse.", "Bitte erstatten Sie eine der vier Tassen.",
         "Bitte erstatten Sie alles außer dem Deckel.", "Bitte erstatten Sie die Versandkosten.",
         "Ich bitte um eine teilweise Erstattung.", "Bitte erstatten Sie mir die Mehrwertsteuer."),
        ("Die Erstattung hat sich erledigt, es funktioniert wieder.", "Bitte noch nicht erstatten, rufen Sie mich zuerst an.",
         "Bitte erstatten Sie nur, falls kein neues Gerät da ist.", "Vergessen Sie meine Bitte um Erstattung."),
        ("Ich möchte lieber Ersatz statt einer Erstattung.", "Bitte erstatten. Außerdem: können Sie mir sagen, wie ich mein Passwort ändere?",
         "Bitte erstatten Sie es, auch wenn ich schon einen Gutschein habe.",
         "Bitte erstatten Sie es, die Rückbuchung bei der Bank läuft auch."),
        "Bitte erstatten Sie das Geld. Dasselbe gilt für Bestellung {other}.",
    ),
    Phrases(
        "fr", "La commande {order} est arrivée cassée.", "Merci de me rembourser {asked}.", "Merci de me rembourser.",
        "seulement", "Je garde l'article.", ("euros", "EUR"),
        (("la moitié", 5000), ("un quart", 2500), ("un tiers", 3333), ("25 pour cent", 2500), ("10 %", 1000)),
        ("Merci de rembourser uniquement la tasse cassée.", "Merci de rembourser une des quatre tasses.",
         "Merci de tout rembourser sauf le couvercle.", "Merci de rembourser les frais de port.",
         "Je demande un remboursement partiel.", "Merci de rembourser la TVA."),
        ("Oubliez ma demande de remboursement, il marche à nouveau.", "Attendez avant de me rembourser, appelez-moi.",
         "Remboursez-moi seulement si vous ne pouvez pas en envoyer un autre.", "Je retire ma demande de remboursement."),
        ("Je préfère un échange plutôt qu'un remboursement.", "Merci de rembourser. Par ailleurs, pouvez-vous changer mon adresse ?",
         "Merci de rembourser, même si j'ai reçu un bon d'achat.", "Merci de rembourser, un litige est ouvert à ma banque."),
        "Merci de me rembourser. Pareil pour la commande {other}.",
    ),
    Phrases(
        "es", "El pedido {order} llegó roto.", "Por favor, reembolsen {asked}.", "Por favor, quiero el reembolso.",
        "solo", "Me quedo con el artículo.", ("euros", "EUR"),
        (("la mitad", 5000), ("una cuarta parte", 2500), ("un tercio", 3333), ("25 por ciento", 2500), ("10 %", 1000)),
        ("Por favor, reembolsen solo la taza rota.", "Por favor, reembolsen una de las cuatro tazas.",
         "Reembolsen todo excepto la tapa.", "Por favor, reembolsen los gastos de envío.", "Pido un reembolso parcial.",
         "Por favor, reembolsen el IVA."),
        ("Olviden mi reembolso, ya funciona.", "No me reembolsen aún, llámenme primero.",
         "Reembolsen solo si no tienen otro.", "Retiro mi solicitud de reembolso."),
        ("Prefiero un cambio por otro en lugar de un reembolso.", "Quiero el reembolso. Además, ¿pueden cambiar mi dirección?",
         "Quiero el reembolso, aunque me enviaron un cupón.", "Quiero el reembolso, mi banco ya abrió una disputa."),
        "Quiero el reembolso. Lo mismo para el pedido {other}.",
    ),
    Phrases(
        "it", "L'ordine {order} è arrivato rotto.", "Vi prego di rimborsare {asked}.", "Chiedo il rimborso.",
        "solo", "Tengo la merce.", ("euro", "EUR"),
        (("la metà", 5000), ("un quarto", 2500), ("un terzo", 3333), ("25 per cento", 2500), ("10%", 1000)),
        ("Vi prego di rimborsare solo la tazza rotta.", "Vi prego di rimborsare una delle quattro tazze.",
         "Rimborsate tutto tranne il coperchio.", "Vi prego di rimborsare le spese di spedizione.",
         "Chiedo un rimborso parziale.", "Vi prego di rimborsare l'IVA."),
        ("Ignorate la richiesta di rimborso, ora funziona.", "Non rimborsate ancora, chiamatemi.",
         "Rimborsate solo se non ne avete un altro.", "Ritiro la richiesta di rimborso."),
        ("Vorrei una sostituzione invece del rimborso.", "Chiedo il rimborso. Inoltre, potete cambiare il mio indirizzo?",
         "Chiedo il rimborso, anche se mi avete dato un buono.", "Chiedo il rimborso, la mia banca ha aperto una contestazione."),
        "Chiedo il rimborso. Lo stesso per l'ordine {other}.",
    ),
    Phrases(
        "pt", "A encomenda {order} chegou partida.", "Por favor, reembolsem {asked}.", "Quero o reembolso.",
        "apenas", "Fico com o artigo.", ("euros", "EUR"),
        (("metade", 5000), ("um quarto", 2500), ("um terço", 3333), ("25 por cento", 2500), ("10%", 1000)),
        ("Por favor, reembolsem só a chávena partida.", "Por favor, reembolsem uma das quatro chávenas.",
         "Reembolsem tudo exceto a tampa.", "Por favor, reembolsem os portes.", "Peço um reembolso parcial.",
         "Por favor, reembolsem o IVA."),
        ("Esqueçam o reembolso, já funciona.", "Não reembolsem ainda, liguem-me.", "Reembolsem só se não houver outro.",
         "Retiro o pedido de reembolso."),
        ("Prefiro uma troca em vez de um reembolso.", "Quero o reembolso. Além disso, podem mudar a minha morada?",
         "Quero o reembolso, embora tenha recebido um vale.", "Quero o reembolso, o meu banco abriu uma disputa."),
        "Quero o reembolso. O mesmo para a encomenda {other}.",
    ),
    Phrases(
        "nl", "Bestelling {order} is kapot aangekomen.", "Graag {asked} terugbetalen.", "Graag mijn geld terug.",
        "alleen", "Ik houd het artikel.", ("euro", "EUR"),
        (("de helft", 5000), ("een kwart", 2500), ("een derde", 3333), ("25 procent", 2500), ("10 %", 1000)),
        ("Graag alleen de kapotte mok terugbetalen.", "Graag een van de vier mokken terugbetalen.",
         "Graag alles terugbetalen behalve het deksel.", "Graag de verzendkosten terugbetalen.",
         "Graag een gedeeltelijke terugbetaling.", "Graag de btw terugbetalen."),
        ("Laat maar zitten die terugbetaling, hij werkt weer.", "Betaal niet terug, bel me eerst.",
         "Alleen terugbetalen als u niet kunt leveren.", "Ik trek mijn verzoek om terugbetaling in."),
        ("Liever een vervanging in plaats van terugbetaling.", "Graag mijn geld terug. Daarnaast: kunt u mijn adres wijzigen?",
         "Graag mijn geld terug, al kreeg ik een tegoedbon.", "Graag mijn geld terug, mijn bank doet een terugboeking."),
        "Graag mijn geld terug. Hetzelfde voor bestelling {other}.",
    ),
    Phrases(
        "pl", "Zamówienie {order} przyszło uszkodzone.", "Proszę o zwrot {asked}.", "Proszę o zwrot pieniędzy.",
        "tylko", "Zatrzymam towar.", ("złotych", "PLN"),
        (("połowę", 5000), ("25 procent", 2500), ("10%", 1000)),
        ("Proszę o zwrot tylko za rozbity kubek.", "Proszę o zwrot za jeden z czterech kubków.",
         "Proszę o zwrot wszystkiego oprócz pokrywki.", "Proszę o zwrot kosztów wysyłki.", "Proszę o częściowy zwrot.",
         "Proszę o zwrot podatku VAT."),
        ("Wycofuję prośbę o zwrot, już działa.", "Nie zwracajcie jeszcze, proszę poczekać.",
         "Proszę o zwrot tylko jeśli nie ma nowego.", "Proszę zignorować prośbę o zwrot."),
        ("Wolę wymianę zamiast zwrotu.", "Proszę o zwrot. Ponadto, czy możecie zmienić mój adres?",
         "Proszę o zwrot, choć dostałem bon.", "Proszę o zwrot, mój bank prowadzi chargeback."),
        "Proszę o zwrot. To samo dotyczy zamówienia {other}.",
    ),
    Phrases(
        "ar", "الطلب {order} وصل مكسورا.", "أرجو استرداد {asked}.", "أرجو استرداد المبلغ.", "فقط", "سأحتفظ به.",
        ("دولار", "USD"),
        (("نصف", 5000), ("ربع", 2500), ("ثلث", 3333), ("25 بالمئة", 2500), ("10%", 1000)),
        ("أرجو استرداد ثمن الكوب المكسور فقط.", "أرجو استرداد واحد من الأكواب الأربعة.", "أرجو استرداد كل شيء ما عدا الغطاء.",
         "أرجو استرداد رسوم الشحن.", "أرجو استرداد جزء من المبلغ.", "أرجو استرداد الضريبة."),
        ("أرجو تجاهل طلب الاسترداد، تم حل المشكلة.", "لا تعيدوا المبلغ، اتصلوا بي.", "أرجو استرداد المبلغ إلا إذا توفر غيره.",
         "انسوا طلب استرداد المبلغ."),
        ("أريد استبدال المنتج بدلا من استرداد المبلغ.", "أرجو استرداد المبلغ. كذلك هل يمكن تغيير عنواني؟",
         "أرجو استرداد المبلغ مع أنكم أرسلتم قسيمة.", "أرجو استرداد المبلغ، وهناك نزاع عند البنك."),
        "أرجو استرداد المبلغ. ونفس الشيء للطلب {other}.",
    ),
    Phrases(
        "sv", "Min beställning {order} kom trasig.", "Snälla, återbetala {asked}.", "Jag vill ha pengarna tillbaka.",
        "bara", "Jag behåller varan.", ("kronor", "SEK"),
        (("hälften", 5000), ("25 procent", 2500), ("10 %", 1000)),
        ("Återbetala bara den trasiga muggen.", "Återbetala en av de fyra muggarna.", "Återbetala allt utom locket.",
         "Återbetala frakten.", "Jag vill ha en delvis återbetalning.", "Återbetala momsen."),
        ("Glöm återbetalningen, den fungerar igen.", "Återbetala inte, ring mig.", "Återbetala endast om ni inte har en ny.",
         "Jag drar tillbaka min begäran om återbetalning."),
        ("Jag vill byta den i stället för återbetalning.", "Jag vill ha pengarna tillbaka. Dessutom, kan ni ändra min adress?",
         "Jag vill ha pengarna tillbaka, fast jag fick ett presentkort.", "Jag vill ha pengarna tillbaka, min bank har en tvist."),
        "Jag vill ha pengarna tillbaka. Samma sak med order {other}.",
    ),
)  # fmt: skip

_SIGNS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CHF": "CHF",
    "PLN": "zł",
    "SEK": "kr",
    "INR": "₹",
    "BRL": "R$",
}
_EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_WIDE = str.maketrans("0123456789$", "０１２３４５６７８９＄")
_PLACES = ("{broken} {wish}", "{wish} {broken}", "{broken} {keep} {wish}", "{broken}\n\n{wish}\n\n{keep}",
           "{broken} {keep}\n{wish}", "{keep} {wish} {broken}")  # fmt: skip
_WORDS = {
    "en": ("twenty", "thirty"), "de": ("zwanzig", "dreißig"), "fr": ("vingt", "trente"), "es": ("veinte", "treinta"),
    "it": ("venti", "trenta"), "pt": ("vinte", "trinta"), "nl": ("twintig", "dertig"), "pl": ("dwadzieścia", "trzydzieści"),
    "ar": ("عشرين", "ثلاثين"), "sv": ("tjugo", "trettio"),
}  # fmt: skip


def made_claims(count: int, seed: int = SEED) -> Iterator[MadeClaim]:
    """Yield complaints of every kind in turn; the kinds and languages alternate, the rest is drawn."""
    draw = random.Random(seed)
    kinds = (_with_amount, _with_amount, _with_amount, _with_share, _with_part, _not_now, _with_more, _whole)
    for number in range(count):
        phrases = PHRASES[number % len(PHRASES)]
        yield kinds[(number // len(PHRASES)) % len(kinds)](phrases, draw)


def _currency(phrases: Phrases, draw: random.Random) -> str:
    usual = {"en": "USD", "ar": "USD", "pl": "PLN", "sv": "SEK"}.get(phrases.lang, "EUR")
    return draw.choice((usual, usual, usual, *_SIGNS))


def _text(phrases: Phrases, draw: random.Random, wish: str, *, places: Sequence[str] = _PLACES) -> str:
    broken = phrases.broken.format(order=ORDER)
    return draw.choice(places).format(broken=broken, wish=wish, keep=phrases.keep)


def _written_amounts(minor: int, currency: str, phrases: Phrases) -> list[str]:
    """Return an amount in every spelling; `minor` in hundredths, or whole yen."""
    sign, whole, part = _SIGNS[currency], minor if currency == "JPY" else minor // 100, minor % 100
    plain = str(whole) if currency == "JPY" or not part else f"{whole}.{part:02d}"
    comma = plain.replace(".", ",")
    exact = plain if currency == "JPY" else f"{whole}.{part:02d}"
    return [
        f"{sign}{plain}", f"{plain} {sign}", f"{plain}{sign}", f"{plain} {currency}", f"{currency} {plain}",
        f"{plain}{currency}", f"{comma} {sign}", f"{comma} {currency}", f"{exact} {currency}", f"{sign} {exact}",
        f"{plain}\n{currency}", f"{plain} | {currency}", f"{plain}:{currency}", f"{plain}", f"{comma}", f"({plain} {currency})",
        f"{plain} {currency.lower()}", f"{plain}\u00a0{sign}", f"{plain.translate(_EASTERN)} {currency}",
        f"{plain.translate(_WIDE)} {currency}", f"{plain} {phrases.money[0]}", f"{plain}.- {currency}", f"~{plain} {currency}",
        f"{plain}/{currency}", f"{whole} {phrases.money[0]} {part or 50}", f"{whole}{sign}{part or 50}",
        f"{_WORDS[phrases.lang][0]} {phrases.money[0]}", f"{_WORDS[phrases.lang][1]}", f"**{plain}** {currency}",
    ]  # fmt: skip


def _with_amount(phrases: Phrases, draw: random.Random) -> MadeClaim:
    currency = _currency(phrases, draw)
    minor = draw.choice((2000, 3000, 1550, 4990, 700, 10_050)) if currency != "JPY" else draw.choice((2000, 3500))
    forms = _written_amounts(minor, currency, phrases)
    number = draw.randrange(len(forms))
    asked = forms[number]
    # Spellings with words of their own are of another amount; the largest that any reader could see in them.
    most = {len(forms) - 5: minor // 100 * 100 + (minor % 100 or 50), len(forms) - 4: minor // 100 * 100 + (minor % 100 or 50),
            len(forms) - 3: 2000, len(forms) - 2: 3000}.get(number, minor)  # fmt: skip
    if currency == "JPY" and number in (len(forms) - 5, len(forms) - 4):
        most = minor
    if currency == "JPY" and number in (len(forms) - 3, len(forms) - 2):
        most //= 100
    wish = phrases.wish.format(asked=f"{phrases.only} {asked}" if draw.random() < 0.4 else asked)
    return MadeClaim(_text(phrases, draw, wish), phrases.lang, currency, "amount", most)


def _with_share(phrases: Phrases, draw: random.Random) -> MadeClaim:
    currency = _currency(phrases, draw)
    words, points = draw.choice(phrases.shares)
    wish = phrases.wish.format(asked=f"{phrases.only} {words}" if draw.random() < 0.3 else words)
    return MadeClaim(_text(phrases, draw, wish), phrases.lang, currency, "share", TOTAL_MINOR * points // 10_000)


def _with_part(phrases: Phrases, draw: random.Random) -> MadeClaim:
    wish = draw.choice(phrases.parts)
    return MadeClaim(_text(phrases, draw, wish), phrases.lang, _currency(phrases, draw), "part", 0)


def _not_now(phrases: Phrases, draw: random.Random) -> MadeClaim:
    places = ("{broken} {wish}", "{broken}\n{wish}", "{wish} {broken}")
    wish = draw.choice(phrases.not_now)
    if draw.random() < 0.5:
        wish = f"{phrases.wish_all} {wish}"
    return MadeClaim(_text(phrases, draw, wish, places=places), phrases.lang, _currency(phrases, draw), "not_now", 0)


def _with_more(phrases: Phrases, draw: random.Random) -> MadeClaim:
    second = phrases.second.format(other=draw.choice(("ORD-48241", "ORD-482130", "ORD-9917")))
    wish = draw.choice((*phrases.besides, second, second))
    return MadeClaim(_text(phrases, draw, wish), phrases.lang, _currency(phrases, draw), "more", 0)


def _whole(phrases: Phrases, draw: random.Random) -> MadeClaim:
    return MadeClaim(
        _text(phrases, draw, phrases.wish_all), phrases.lang, _currency(phrases, draw), "whole", TOTAL_MINOR
    )
