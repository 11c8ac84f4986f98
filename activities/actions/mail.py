"""A letter of a case, ready to be queued: in words, personal data put back, with signs by which an answer is known."""

from activities.actions.recipients import Recipients
from activities.letters import Letters
from domain.cache.admission import answer_named
from domain.conversations.threads import new_message_id, without_marks
from domain.letters import ArticleAnswer, Letter
from domain.mail.sending import letters_left
from domain.reading.letter_rules import restore_harmless
from ports.store import CaseStore, CustomerRecords, Reply, StoredCase


class LetterDesk:
    """Writes the letters of cases."""

    def __init__(self, cases: CaseStore, letters: Letters, records: CustomerRecords) -> None:
        self._cases = cases
        self._letters = letters
        self._recipients = Recipients(records)

    def write(
        self, key: str, case_id: str, letter: Letter, *, lang: str, subject: str, answers_to: str | None = None
    ) -> Reply:
        """Return a letter of a case, to the sender's address or that of the customer on record.

        Args:
            key: under which it is sent once.
            case_id: whose letter it is.
            letter: what it says.
            lang: of the customer.
            subject: the customer's.
            answers_to: the case under which the customer's newest message came, where it is another one.

        Raises:
            TransientError, ToldToWaitError: the store or the records cannot be asked now.
            ConfigurationError: the letter's template cannot be filled in.
        """
        stored = self._cases.load(case_id)
        draft = self._letters.write(letter, lang=lang, subject=subject)
        to = self._recipients.of(stored)
        own = to or ""
        return Reply(
            key=key,
            case_id=case_id,
            to=to,
            subject=_marked(restore_harmless(draft.subject, stored.vault, own=own), stored),
            text=restore_harmless(draft.text, stored.vault, own=own),
            kind=letter.kind,
            limit=letters_left(letter.kind, stored.case.policy.mail.letters_per_day),
            message_id=new_message_id(self._letters.domain),
            in_reply_to=self._answered(stored, answers_to),
            article=_quoted(letter),
        )

    def _answered(self, stored: StoredCase, answers_to: str | None) -> str | None:
        if answers_to is None:
            return stored.message_id
        try:
            return self._cases.load(answers_to).message_id or stored.message_id
        except KeyError:
            return stored.message_id


def _quoted(letter: Letter) -> str | None:
    if not isinstance(letter, ArticleAnswer):
        return None
    return answer_named(letter.article.article_id, letter.article.version)


def _marked(subject: str, stored: StoredCase) -> str:
    """Add the case's mark, for programs that drop the headers; only where answers are waited for at all."""
    if stored.mark is None or not stored.case.policy.waits_for_customers:
        return subject
    return f"{without_marks(subject).rstrip()} [#{stored.mark}]"
