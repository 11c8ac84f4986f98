"""Unicode made plain: one form per character, nothing that a reader cannot see."""

import re
import unicodedata

from domain.inbound.cleaned import CleanFlag

# Line breaks and blanks that are not "\n" and " ".
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_BLANKS = re.compile(r"[\t \xa0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]+")
_LINE_ENDS = re.compile(r" ?\n ?")
_GAPS = re.compile(r"\n{3,}")

# Characters with a plain twin that means the same (full-width forms, ligatures, mathematical letters). Not the whole of
# NFKC, which would turn "5²" into "52" and "1½" into "11⁄2".
_COMPATIBLE = re.compile(r"[\ufb00-\ufb06\uff01-\uffee\U0001d400-\U0001d7ff]+")

_INVISIBLE = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_FLAG_EMOJI = re.compile("(\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_SELECTOR_RUN = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}")
# Between two letters that never need it: Latin, Greek, Cyrillic, Hebrew-free; Persian, Indic scripts and emoji use
# joiners rightly.
_SPLIT_WORD = re.compile(
    r"[0-9A-Za-z\u00c0-\u052f\u3040-\u9fff][\u200b-\u200d\u2060-\u2064\ufeff\u180e]+[0-9A-Za-z\u00c0-\u052f\u3040-\u9fff]"
)
_ZERO_WIDTH_RUN = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{8}")
# Joiners that change how a word or an emoji reads.
_KEPT_JOINER = re.compile(
    "([\u0600-\u06ff\u0900-\u0dff\u1780-\u17ff])([\u200c\u200d])(?=[\u0600-\u06ff\u0900-\u0dff\u1780-\u17ff])"
)
_OVERLAID = re.compile("(?:[^\n\u0335\u0336][\u0335\u0336]){2,}")  # letters struck out one by one
_OVERRIDES = re.compile("[\u202d\u202e]")
_EMBEDDINGS = re.compile("[\u202b\u2066-\u2068]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_SURROGATES = re.compile("[\ud800-\udfff]")

# UTF-8 read as Windows-1252: "cafÃ©", "donâ€™t", "ðŸ˜€"; Cyrillic, Hebrew and Arabic only in runs, since "Ð" and "Ø"
# are letters too.
_TRAIL = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_MOJIBAKE = re.compile(f"(?:[ÂÃ]{_TRAIL}|â{_TRAIL}{{2}}|ð{_TRAIL}{{3}}|(?:[ÐÑ×ØÙ]{_TRAIL}){{3,}})+")

_PRIVATE_JOINERS = {"\u200c": "\ufdd0", "\u200d": "\ufdd1"}  # noncharacters: nothing that comes in may hold them


def normalise(text: str) -> tuple[str, set[CleanFlag]]:
    r"""Return the text in one plain form, and what was found on the way.

    Line breaks become "\\n", blanks one space, at most one empty line stays between paragraphs. Characters without a
    visible form go; they are flagged where they carry something (inside words, in long runs, tag letters, direction
    overrides), not where they are ordinary (joiners of Persian and Indic scripts, emoji, soft hyphens, the marks that
    phones put around numbers). Doing it twice changes nothing more.
    """
    flags: set[CleanFlag] = set()
    if not text.isascii():
        text = _plain_characters(text, flags)
    if "\r" in text or "\x0b" in text or "\x0c" in text or not text.isprintable():
        text = _CONTROLS.sub("", _BREAKS.sub("\n", text))
    text = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))
    return _GAPS.sub("\n\n", text).strip(), flags


def _plain_characters(text: str, flags: set[CleanFlag]) -> str:
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if text.count("\ufffd") > len(text) // 50:
        flags.add(CleanFlag.UNDECODABLE)
    if _MOJIBAKE.search(text):
        text = _MOJIBAKE.sub(lambda match: _reread(match.group(), flags), text)
    text = text.replace("\ufdd0", "").replace("\ufdd1", "")
    if _OVERLAID.search(text):
        flags.add(CleanFlag.STRUCK_OUT)
        text = _OVERLAID.sub(" ", text)
    if _INVISIBLE.search(text):
        text = _visible(text, flags)
    if _COMPATIBLE.search(text):
        text = _COMPATIBLE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
        text = _INVISIBLE.sub("", text) if _INVISIBLE.search(text) and not _KEPT_JOINER.search(text) else text
    return unicodedata.normalize("NFC", text)


def _visible(text: str, flags: set[CleanFlag]) -> str:
    text = _FLAG_EMOJI.sub(r"\1", text)
    if _TAGS.search(text):
        flags.add(CleanFlag.TAG_CHARACTERS)
    if _SPLIT_WORD.search(text) or _ZERO_WIDTH_RUN.search(text) or _SELECTOR_RUN.search(text):
        flags.add(CleanFlag.ZERO_WIDTH)
    if _OVERRIDES.search(text) or (_EMBEDDINGS.search(text) and not _RIGHT_TO_LEFT.search(text)):
        flags.add(CleanFlag.BIDI_CONTROL)
    text = _KEPT_JOINER.sub(lambda match: match.group(1) + _PRIVATE_JOINERS[match.group(2)], text)
    text = _INVISIBLE.sub("", text)
    return text.replace("\ufdd0", "\u200c").replace("\ufdd1", "\u200d")


def _reread(run: str, flags: set[CleanFlag]) -> str:
    raw = bytearray()
    for char in run:
        try:
            raw += char.encode("latin-1") if ord(char) < 256 else char.encode("cp1252")
        except ValueError:
            return run
    try:
        fixed = raw.decode("utf-8")
    except ValueError:
        return run
    flags.add(CleanFlag.MIXED_ENCODING)
    return fixed
