"""The wall between cached answers: what one scope learnt no other ever sees."""

import hashlib
import unicodedata
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class CacheScope:
    """All that must be equal before an answer may be reused; it partitions the store, it is no text beside others.

    Attributes:
        tenant: whose customers.
        locale: language of the question, ISO 639-1.
        route: the category that the case was given.
        audience: by which channel the reader hears.
        step: the question that a model would be asked.
        case_rules: version of the blueprint that the case started with.
        blueprint: version of the one in force, prompts and lexicon included.
        knowledge: digest of the articles that an answer may come from.
        model: all models of the profile in use.
        embedder: name, version and digest of what makes the vectors.
    """

    tenant: str
    locale: str
    route: str
    audience: str
    step: str
    case_rules: str
    blueprint: str
    knowledge: str
    model: str
    embedder: str

    @property
    def key(self) -> str:
        """A digest of all of it: no two scopes share one, whatever their values hold."""
        digest = hashlib.sha256()
        for field in fields(self):
            value = str(getattr(self, field.name)).encode("utf-8", "surrogatepass")
            digest.update(f"{field.name}:{len(value)}:".encode() + value)
        return digest.hexdigest()


def same_question(text: str) -> str:
    """Return a digest that questions share which differ in nothing but case, blanks and forms of the same letters.

    >>> same_question("Reset  my VPN password?") == same_question("reset my vpn password?")
    True
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()
