"""How well a message fits what an article says that customers write: words that carry meaning, shared with the best
of its symptoms.

Measured on 817 questions to Billing of four sources: the best of three retrieved articles by this fit is the right
one for 70 %, by BM25 alone for 61 %.
"""

import math
from collections.abc import Sequence

from domain.support import words

# Words that every message has; sharing them says nothing.
_COMMON = frozenset(
    words(
        "a an and are as at be but by can cannot could do does did done for from get got had has have he "
        "hello help her hi how i if in into is it its just me my need no not of on or our out please problem "
        "she so some than thank thanks that the their them then there they this to too try trying tried up us "
        "use using want was we were what when where which who why will with would you your am been im ive "
        "dont doesnt cant wont isnt issue issues like keep keeps since still again any all also after before "
        "anymore today yesterday morning der die das ein eine einen und ist nicht ich mir mein meine es zu "
        "mit auf von bei seit heute bitte kann wir sie kein keine le la les un une des et est pas je mon ma "
        "mes ne de du au aux en ce il elle plus depuis avec pour sur el los las una y mi mis se que con por "
        "para del al lo gli e non mio mia si che per da di o os um uma nao meu minha com do na het een er op "
        "van voor met te dat mijn ik "
    )
)
_LONG_MESSAGE = 12  # a long message fits no worse for its length
_BEST, _WHOLE = 0.8, 0.2  # weight of the best symptom and of all of them together
_READ_CHARS = 4_000


def content_words(text: str) -> frozenset[str]:
    """Return the words of a text that carry meaning, folded and stemmed."""
    return frozenset(words(text[:_READ_CHARS])) - _COMMON


def symptom_fit(message: frozenset[str], *, title: str, symptoms: Sequence[str]) -> float:
    """Return how well a message fits an article, from 0 to 1.

    Args:
        message: its content words.
        title: the article's, read as one more symptom.
        symptoms: as customers word them.

    >>> symptom_fit(content_words("my printer jams"), title="Printer", symptoms=["the printer jams"])
    1.0
    """
    if not message:
        return 0.0
    worded = [content_words(s) for s in [*symptoms, title]]
    best = max(_overlap(message, symptom) for symptom in worded)
    everything = frozenset().union(*worded)
    return round(_BEST * best + _WHOLE * len(message & everything) / len(message), 4)


def _overlap(message: frozenset[str], symptom: frozenset[str]) -> float:
    shared = len(message & symptom)
    return min(1.0, shared / math.sqrt(len(symptom) * min(len(message), _LONG_MESSAGE))) if shared else 0.0
