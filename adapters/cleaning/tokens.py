"""Tokens such as `[EMAIL_1]` that stand for personal data, and the vault of what they stand for."""

MAX_TOKENS = 999  # of each kind


class Tokens:
    """Gives each value one token within a document and keeps the vault."""

    def __init__(self) -> None:
        self.vault: dict[str, str] = {}
        self._by_value: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}

    def token(self, kind: str, value: str, key: str) -> str:
        """Return the token of a value; `key` is its form without spacing and case, so that two spellings share a
        token.
        """
        known = self._by_value.get((kind, key))
        if known is not None:
            return known
        number = self._count.get(kind, 0) + 1
        if number > MAX_TOKENS:
            return f"({kind})"
        self._count[kind] = number
        token = f"[{kind}_{number}]"
        self._by_value[kind, key] = token
        self.vault[token] = value
        return token
