"""Words that exist once: whoever reads a mail is known by which of them are left."""

from dataclasses import dataclass
from random import Random

LATIN = ("ba", "ke", "lo", "mi", "nu", "pra", "sto", "vi", "zen", "dor", "fal", "gri", "hum", "jot", "tul", "wex")


@dataclass(frozen=True)
class Tongue:
    """A charset with the language that is written in it: syllables of words, and how programs say "wrote".

    Args:
        label: as it stands in the header.
        codec: what the bytes are really in.
    """

    label: str
    codec: str
    syllables: tuple[str, ...]
    wrote: str
    headers: tuple[str, str, str, str] = ("From", "Sent", "To", "Subject")


_EN = "On {day}, {time}, {who} <{address}> wrote:"
_DE = "Am {day} um {time} schrieb {who} <{address}>:"
TONGUES = (
    Tongue("utf-8", "utf-8", (*LATIN, "é", "ß", "øl"), _EN),
    Tongue("us-ascii", "ascii", LATIN, _EN),
    Tongue("us-ascii", "utf-8", (*LATIN, "ñu", "çe"), "El {day}, {time}, {who} (<{address}>) escribió:"),
    Tongue("iso-8859-1", "cp1252", (*LATIN, "ü", "œ", "š"), _DE, ("Von", "Gesendet", "An", "Betreff")),
    Tongue("windows-1252", "cp1252", (*LATIN, "ü", "ö", "ž"), _DE, ("Von", "Gesendet", "An", "Betreff")),
    Tongue("iso-8859-15", "iso8859-15", (*LATIN, "é", "œu"), "Le {day} à {time}, {who} <{address}> a écrit :",
           ("De", "Envoyé", "À", "Objet")),
    Tongue("iso-8859-2", "iso8859-2", (*LATIN, "ł", "ż", "ą"), "W dniu {day} o {time}, {who} <{address}> napisał(a):",
           ("Od", "Wysłano", "Do", "Temat")),
    Tongue("windows-1250", "cp1250", (*LATIN, "ř", "ů", "č"), "Dne {day} v {time} {who} <{address}> napsal(a):",
           ("Od", "Odesláno", "Komu", "Předmět")),
    Tongue("windows-1251", "cp1251", ("ба", "ке", "ло", "ми", "ну", "пра", "сто", "ви", "зен", "дор"),
           "{day} в {time} {who} <{address}> написал:", ("От", "Отправлено", "Кому", "Тема")),
    Tongue("koi8-r", "koi8-r", ("жа", "ке", "щу", "ми", "ны", "при", "сто", "ви", "зен", "дор"),
           "{day}, {time}, {who} <{address}> написал(а):", ("От", "Отправлено", "Кому", "Тема")),
    Tongue("iso-8859-7", "iso8859-7", ("αλ", "βε", "γο", "δι", "ζου", "θα", "κλε", "μο", "νι", "πρα"),
           "Στις {day} {time}, {who} <{address}> έγραψε:", ("Από", "Στάλθηκε", "Προς", "Θέμα")),
    Tongue("windows-1254", "cp1254", (*LATIN, "ğı", "şu", "ç"), "{day} {time} tarihinde {who} <{address}> şunu yazdı:",
           ("Kimden", "Gönderildi", "Kime", "Konu")),
    Tongue("windows-1255", "cp1255", ("בא", "קה", "לו", "מי", "נו", "פר", "סט", "וי", "זן", "דור"),
           "{day} {time} {who} <{address}> כתב:", ("מאת", "נשלח", "אל", "נושא")),
    Tongue("iso-2022-jp", "iso2022_jp", ("あか", "さた", "な", "はま", "や", "らん", "をく", "け", "この", "した"),
           "{day} {time} {who} <{address}>:", ("差出人", "送信日時", "宛先", "件名")),
    Tongue("shift_jis", "cp932", ("アカ", "サタ", "ナ", "ハマ", "ヤ", "ラン", "①", "ケ", "コノ", "シタ"),
           "{day} {time} {who} <{address}>:", ("差出人", "送信日時", "宛先", "件名")),
    Tongue("gb2312", "gb18030", ("天", "地", "玄", "黄", "宇", "宙", "洪", "荒", "镕", "月", "盈", "昃"),
           "{day} {time} {who} <{address}> 写道：", ("发件人", "发送时间", "收件人", "主题")),
    Tongue("big5", "big5", ("天", "地", "玄", "黃", "宇", "宙", "洪", "荒", "日", "月", "盈", "辰"),
           "{day} {time} {who} <{address}> 寫道：", ("寄件者", "寄件日期", "收件者", "主旨")),
    Tongue("euc-kr", "cp949", ("가나", "다라", "마바", "사아", "자차", "카타", "파하", "구노", "두로", "무보"),
           "{day} {time}, {who} <{address}>님이 작성:", ("보낸 사람", "보낸 날짜", "받는 사람", "제목")),
    Tongue("windows-1258", "cp1258", (*LATIN, "đa", "ơi"), "Vào {day} lúc {time} {who} <{address}> đã viết:",
           ("Từ", "Đã gửi", "Đến", "Chủ đề")),
    Tongue("utf-16", "utf-16", (*LATIN, "ж", "ξ"), _EN),
)  # fmt: skip


class Vocabulary:
    """Makes words that nobody has used yet, and sentences of them.

    Args:
        rng: from a stated seed, so that the same mails come out each time.
    """

    def __init__(self, rng: Random, tongue: Tongue) -> None:
        self.rng = rng
        self.tongue = tongue
        self.own: set[str] = set()
        self.foreign: set[str] = set()

    def own_sentence(self) -> str:
        """Return a sentence that the sender writes."""
        return self._sentence(self.own)

    def foreign_sentence(self) -> str:
        """Return a sentence that stands in the mail and is not the sender's."""
        return self._sentence(self.foreign)

    def own_paragraphs(self, count: int) -> list[str]:
        """Return paragraphs of the sender."""
        return [" ".join(self.own_sentence() for _ in range(self.rng.randint(1, 3))) for _ in range(count)]

    def foreign_paragraphs(self, count: int) -> list[str]:
        """Return paragraphs of somebody else."""
        return [" ".join(self.foreign_sentence() for _ in range(self.rng.randint(1, 3))) for _ in range(count)]

    def foreign_name(self) -> str:
        """Return a name that stands below the message only."""
        return f"{self._word(self.foreign).capitalize()} {self._word(self.foreign).capitalize()}"

    def _sentence(self, of: set[str]) -> str:
        words = [self._word(of) for _ in range(self.rng.randint(4, 9))]
        return f"{' '.join(words)}{self.rng.choice('..!?')}".capitalize()

    def _word(self, of: set[str]) -> str:
        while True:
            word = "".join(self.rng.choice(self.tongue.syllables) for _ in range(self.rng.randint(4, 6)))
            if word not in self.own and word not in self.foreign:
                of.add(word)
                return word
