"""The blueprint's mail words as patterns of lines: what is grammar stands here, what is language there."""

import re

from domain.reading.words import MailWords, any_phrase

_I = re.IGNORECASE


class MailPatterns:
    """By which lines older messages, signatures and legal notices begin."""

    def __init__(self, words: MailWords) -> None:
        wrote, address = any_phrase(words.wrote), r"<[^<>\s]{3,100}@[^<>\s]{3,100}>"
        divider = any_phrase(words.dividers)
        self.wrote_line = re.compile(
            rf"{wrote}\s?(?:\w{{0,20}}\s?)?[:：]\s?$|{any_phrase(words.wrote_bare)}[:：]?\s?$", _I
        )
        self.own_story = re.compile(rf"(?<!\w){any_phrase(words.first_person)}\s{wrote}", _I)
        self.wrote_start = re.compile(
            rf"{any_phrase(words.wrote_starts)}[\s,]|[0-9]{{1,4}}[./-]|.{{1,80}}{address}|"
            rf".{{2,60}}\s{any_phrase(words.wrote_inside)}\s",
            _I,
        )
        self.wrote_word = re.compile(rf"{any_phrase(words.wrote_starts)}[\s,]", _I)
        self.divider = re.compile(
            rf"[-_*]{{2,}}\s?{divider}\s?[-_*]{{2,}}$|#{{2,}}- ?{divider} ?-#{{2,}}$|_{{20,}}$", _I
        )
        self.forward = re.compile(rf"-{{3,}}\s?{any_phrase(words.forwards)}|{any_phrase(words.forwards_bare)}", _I)
        self.answers_below = re.compile(rf"(?<!\w){any_phrase(words.answers_below)}", _I)
        self.passed_on = re.compile(rf"\W{{0,3}}{any_phrase(words.passed_on)}\s?:", _I)
        headers = any_phrase((*words.first_headers, *words.headers))
        self.header = re.compile(rf"\*?({headers})\s?:\*?(?:\s|(?<=[^\x00-\x7f]:)|(?<=\s:))", _I)
        self.first_header = re.compile(any_phrase(words.first_headers), _I)
        self.sent_from = re.compile(any_phrase(words.sent_from), _I)
        self.closing = re.compile(rf"{any_phrase(words.closings)}\s?[,.!;،]*", _I)
        self.kept_line = re.compile(
            rf"[#№]|\b{any_phrase(words.kept)}\w*[\s.:#-]|[A-Z]{{2,5}}-?[0-9]{{4,}}|[?]|[$€£]\s?[0-9]", _I
        )
        self.contact_line = re.compile(
            rf"[@]|www\.|https?:|{any_phrase(words.contacts)}\b|\+?[0-9][0-9 ()./-]{{5,}}", _I
        )
        self.notice = re.compile(rf"\W{{0,4}}{any_phrase(words.notices)}", _I)
        self.notice_word = re.compile(any_phrase(words.notice_words), _I)
