"""Values of a document with tokens in place of personal data, as its case calls them."""

from domain.conversations.words import merged_vault, renamed
from domain.inbound.cleaned import TOKEN
from domain.repair.told import ID, PERSONAL, FieldTold
from ports.cleaner import Cleaner
from ports.store import CaseStore, StoredCase

_NO_KIND_OF_AN_ID = frozenset({"EMAIL", "PHONE", "NAME", "ADDRESS"})


class HiddenValues:
    """Hides personal data in the values of one document; `named` then calls the tokens as its case does."""

    def __init__(self, cleaner: Cleaner, stored: StoredCase) -> None:
        self._cleaner = cleaner
        self._stored = stored
        self._vault: dict[str, str] = {}

    def hide(self, value: str, kind: str) -> str:
        """Return a value with tokens in place of personal data, as `domain.repair.told.Hide` says."""
        sender = {"email": self._stored.sender_email, "name": self._stored.sender_name}
        known = {label: of for label, of in sender.items() if of}
        whole = kind not in ("", ID)
        if whole:
            known[kind] = value
        clean = self._cleaner.clean(subject="", text=value, html=None, lang=self._stored.case.lang, known=known)
        if kind == ID and {token.strip("[]").rpartition("_")[0] for token in clean.vault} <= _NO_KIND_OF_AN_ID:
            return value
        if (whole and TOKEN.sub("", clean.text).strip()) or (value.strip() and not clean.text.strip()):
            return PERSONAL
        self._vault, names = merged_vault(self._vault, clean.vault)
        return renamed(clean.text, names)

    def named(self, fields: list[FieldTold], cases: CaseStore) -> list[FieldTold]:
        """Return fields with their tokens called as in their case, whose vault has what they stand for from now on.

        Raises:
            TransientError: the store does not answer.
        """
        if not self._vault:
            return fields
        names = cases.merge_vault(self._stored.case.case_id, self._vault)
        own = [field for field in fields if not field.quote]  # the words of a quote have them already
        values = {field.name: renamed(field.value, names) for field in own}
        return [field.model_copy(update={"value": values.get(field.name, field.value)}) for field in fields]
