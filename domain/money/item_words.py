"""Words by which customers ask for lines of an order, in a few languages, and how a text is taken apart into words.

All are folded: without case and accents. A word that means something else in another of these languages is left out,
as "due" (two, owed) or "en" (a, in, and): who is not understood gets a person.
"""

import re
import unicodedata

_SIGNS = str.maketrans({"€": " eur ", "$": " usd ", "£": " gbp ", "¥": " jpy ", "%": " percent ", "#": " no "})
_WORD = re.compile(r"[0-9]+(?:[.,][0-9]+)+|[^\W_]+")


def fold(text: str) -> str:
    """Return a text without case and accents.

    >>> fold("Große LÁMPARA")
    'grosse lampara'
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if unicodedata.category(sign) not in {"Mn", "Cf"}).casefold()


def tokens(text: str) -> list[str]:
    """Return the words and numbers of a text, folded; the forms of a colour or a size are one word."""
    return [_LOOK_OF.get(word, word) for word in _WORD.findall(fold(text).translate(_SIGNS))]


def _set(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


# Something is left out, exchanged, halved or counted as we do not count: one such word, and a person reads it.
UNCLEAR = _set(
    "not no nor but except without instead rather or kein keine keinen nicht ohne ausser sondern statt anstatt oder",
    "pas sauf sans ni mais lieu ou sin excepto salvo sino vez nao sem exceto non senza tranne invece niet geen zonder",
    "behalve half halb halbe halben halfte moitie demi mitad meta metade meio mezzo helft part parts partial",
    "partly teil teile teilweise partie parte deel difference differenz diferencia diferenca differenza verschil",
    "percent prozent discount rabatt remise descuento desconto sconto korting rest remaining other others another",
    "ubrige ubrigen restliche restlichen andere anderen anderer autre autres otro otra otros otras outro outra altro",
    "altra altri altre overige twenty thirty forty fifty hundred hundert thousand tausend dozen dutzend douzaine",
    "docena duzia dozzina dozijn",
)  # fmt: skip

# Too small to tell goods apart, and too small to stand in the way.
ARTICLES = _set("the der die das den dem des le la les l el los las il lo gli i o os as de het")
_BEFORE = _set(
    "of for with from in on at by to without per von fur mit aus ohne zu zum zur im am an auf bei",
    "du d en a au aux avec pour sans sur dans para con sin del al da do dos di della per com sem na no",
    "van voor met zonder uit op",
)
SMALL = (ARTICLES | _BEFORE) - UNCLEAR | _set(
    "and und et y e plus sowie please bitte svp just only nur seulement solo alleen",
    "that which i we you me my our your ich wir mein meine meinen unsere je nous mon ma mes mi mio mia",
    "paid charged billed bezahlt berechnet it them they davon",
)  # fmt: skip

COST = _set(
    "cost costs fee fees charge charges price money sales kosten gebuhr gebuhren frais cout couts gasto gastos coste",
    "costes spese spesa costo costi custo custos taxa preis geld",
)
SHIPPING = _set(
    "shipping postage versand porto versandkosten versandgebuhr versandgebuhren portokosten frachtkosten lieferkosten",
    "liefergebuhr zustellgebuhr affranchissement portes verzendkosten verzending bezorgkosten fraktkosten",
)
# Also what arrives, not only its price: they need a word for costs beside them, or to stand alone.
DELIVERY = _set("delivery lieferung zustellung livraison port envio entrega spedizione consegna levering bezorging")
NEVER_ALONE = _set("port")
TAX = _set(
    "tax taxes vat gst hst mwst ust mehrwertsteuer umsatzsteuer steuer steuern tva taxe iva impuesto impuestos",
    "imposto impostos imposta imposte btw moms",
)
KIND_WORDS = SHIPPING | DELIVERY | TAX

NUMBERS = {
    word: number
    for number, forms in enumerate(
        (
            "one single ein eine einen einer eines einem eins un une una uno uma een",
            "two zwei zweier deux dos dois duas twee",
            "three drei dreier trois tres tre drie",
            "four vier quatre cuatro quatro quattro",
            "five funf cinq cinco cinque vijf",
            "six sechs seis zes",
            "seven sieben sept siete sete sette zeven",
            "eight acht huit ocho oito otto",
            "nine neun nueve nove negen",
            "ten zehn dix diez dez dieci tien",
            "eleven elf onze undici",
            "twelve zwolf douze doce doze dodici twaalf",
        ),
        start=1,
    )
    for word in forms.split()
}
ALL = _set("all alle allen aller alles tous toutes todos todas tutti tutte allemaal")
BOTH = _set("both beide beiden beides beider ambos ambas entrambi entrambe")
MONEY = _set("usd eur gbp chf jpy euro euros dollar dollars pound pounds franken yen cent cents")

# What stands beside the name of goods and takes nothing from it.
BESIDE = SMALL | MONEY | ALL | BOTH | frozenset(NUMBERS)
# "The lid of the jug" is not the jug, but the refund of it is.
OF = _set("of von vom de du del della do da van")
ASKED = _set(
    "refund refunds return erstattung ruckerstattung ruckzahlung remboursement retour reembolso devolucion devolucao",
    "rimborso reso terugbetaling out instead",
)

PACKS = _set(
    "set sets pack packs packung pair pairs paar paire par paio kit kits bundle box lot pcs pc piece pieces stuck stk",
    "teilig juego conjunto confezione pezzi piezas uds pecas stuks doos boite caja scatola schachtel karton",
)
UNITS = _set("ml cl dl l liter litre g kg mg mm cm m km in inch zoll oz lb w kw v a ah mah gb tb mb hz ghz mbit")

_LOOKS = {
    "black": "schwarz schwarze schwarzer schwarzes schwarzen noir noire noirs negro negra nero nera preto preta zwart",
    "white": "weiss weisse weisser weisses weissen blanc blanche blancs blanco blanca bianco bianca branco branca wit",
    "red": "rot rote roter rotes roten rouge rouges rojo roja rosso rossa vermelho vermelha rood rode",
    "blue": "blau blaue blauer blaues blauen bleu bleue bleus bleues azul azules azuis blu blauw blauwe",
    "green": "grun grune gruner grunes grunen vert verte verts vertes verde verdes verdi groen groene",
    "yellow": "gelb gelbe gelber gelbes gelben jaune jaunes amarillo amarilla giallo gialla amarelo amarela geel gele",
    "grey": "gray grau graue grauer graues grauen gris grise grises grigio grigia cinza grijs grijze",
    "brown": "braun braune brauner braunes braunen brun brune marron marrone marrom bruin bruine",
    "pink": "rosa rose roze",
    "orange": "naranja arancione laranja oranje",
    "silver": "silber silbern silberne argent plata argento prata zilver",
    "gold": "golden goldene dore oro ouro gouden",
    "large": "big gross grosse grosser grosses grossen grand grande grands grandes grandi groot grote",
    "small": "little klein kleine kleiner kleines kleinen petit petite petits petites pequeno pequena piccolo piccola",
    "medium": "mittel mittlere moyen moyenne mediano mediana medio media",
}  # fmt: skip
SIZES = _set("large small medium xs xl xxl")
COLOURS = frozenset(_LOOKS) - SIZES
LOOKS = COLOURS | SIZES
_LOOK_OF = {form: look for look, forms in _LOOKS.items() for form in forms.split()}

_JOINS = re.compile(r"(?<![0-9]),|,(?![0-9])|[;+&/\n]|\b(?:and|und|et|y|e|og|och|plus|sowie)\b")
_FIRST_ENDS = re.compile(r"[,;:()\[\]/|–—]|\s-\s|\b(?:" + "|".join(sorted(_BEFORE)) + r")\b")


def parts(wish: str) -> list[str]:
    """Return what a wish lists, folded: "a jug and two cups" are two things."""
    return [part for part in _JOINS.split(fold(wish)) if part.strip()]


def first_part(name: str) -> str:
    """Return what a name begins with, up to what is said about it: the folded words that say what the thing is.

    >>> first_part("Tasse en porcelaine, bleue")
    'tasse '
    """
    return next((part for part in _FIRST_ENDS.split(fold(name)) if part.strip()), "")
