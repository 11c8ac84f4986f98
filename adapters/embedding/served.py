"""Embeddings of a server that speaks OpenAI's wire: OpenAI itself, Ollama, vLLM and the like."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adapters.models.guards.limiting import BYTES_PER_TOKEN, TOKENS_OF_A_CALL, LimitedCalls
from adapters.models.wires.failures import OPENAI_FAILURES, failure_for, quoted
from adapters.models.wires.rate_headers import rate_headers
from domain.blueprint import ModelChoice
from domain.errors import ConfigurationError, HeadgateError, TransientError
from domain.model_call import RateHeaders
from ports.models.limits import Limiter

if TYPE_CHECKING:
    from openai import APIError

TEXTS_AT_ONCE = 64
_MAX_CHARS = 8_000  # of a text: fewer tokens than any such model takes, in any script but a few
_CONNECT_S = 5.0

Answer = tuple[list[list[float]], int, RateHeaders | None]


class ServedEmbedder:
    """An `Embedder` by the official client, asked no faster than its limiter says.

    A server's model may change under its name without a word: then give it another name there.

    Args:
        choice: model, server and limits.
        api_key: sent as the bearer token.
        size: how many numbers its vectors have.
        limiter: shared with all who ask this model.
    """

    def __init__(self, choice: ModelChoice, *, api_key: str, size: int, limiter: Limiter) -> None:
        from openai import AsyncOpenAI, Timeout

        self.name = f"{choice.known_as}/{size}"
        self.size = size
        self._choice = choice
        self._calls = LimitedCalls(limiter, choice.known_as)
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=choice.base_url or None,
            max_retries=0,
            timeout=Timeout(choice.idle_s, connect=_CONNECT_S),
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors; of each text the first 8,000 characters count. Empty ones are not sent.

        Raises:
            TransientError: the server does not answer, or answers nonsense.
            ToldToWaitError: it says to wait, or its limit is used up.
            UnsupportedTaskError: it will never take such a text.
            ConfigurationError: it refuses us, or its vectors have another size.
        """
        cut = [text[:_MAX_CHARS].encode("utf-8", "replace").decode("utf-8") for text in texts]
        asked = [text for text in cut if text.strip()]
        found: list[list[float]] = []
        for at in range(0, len(asked), TEXTS_AT_ONCE):
            found += await self._some(asked[at : at + TEXTS_AT_ONCE])
        vectors = iter(found)
        return [next(vectors) if text.strip() else [0.0] * self.size for text in cut]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _some(self, texts: list[str]) -> list[list[float]]:
        size = sum(len(text.encode()) for text in texts)
        tokens = math.ceil(size / BYTES_PER_TOKEN) + TOKENS_OF_A_CALL * len(texts)
        vectors, _, _ = await self._calls.in_slot(tokens, lambda _: self._ask(texts, tokens), lambda got: got[1:])
        return [self._unit(vector) for vector in vectors]

    async def _ask(self, texts: list[str], tokens: int) -> Answer:
        from openai import APIError

        try:
            # Not every server knows the packed form that the client asks for by default.
            raw = await self._client.embeddings.with_raw_response.create(
                model=self._choice.model, input=texts, encoding_format="float"
            )
            reply = raw.parse()
            rows = sorted(reply.data, key=lambda row: row.index)
            vectors = [[float(number) for number in row.embedding] for row in rows]
            used = int(reply.usage.prompt_tokens) if getattr(reply, "usage", None) else tokens
        except APIError as error:
            raise self._failure(error) from error
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise TransientError(f"{self._choice.known_as}: no embeddings: {quoted(str(error))}") from error
        if len(vectors) != len(texts):
            raise TransientError(f"{self._choice.known_as}: {len(vectors)} embeddings of {len(texts)} texts")
        return vectors, used, rate_headers(raw.headers)

    def _unit(self, vector: list[float]) -> list[float]:
        if len(vector) != self.size:
            raise ConfigurationError(
                f"{self._choice.known_as}: its vectors have {len(vector)} numbers, HEADGATE_EMBEDDER_SIZE says "
                f"{self.size}: set it to {len(vector)}, or name another model by HEADGATE_EMBEDDER_MODEL"
            )
        length = float(np.linalg.norm(vector))
        if not math.isfinite(length) or length <= 0:
            raise TransientError(f"{self._choice.known_as}: an embedding without a direction")
        return [number / length for number in vector]

    def _failure(self, error: "APIError") -> HeadgateError:
        from openai import APIStatusError

        named = self._choice.known_as
        if isinstance(error, APIStatusError):
            codes = (error.code or "", error.type or "")
            return failure_for(OPENAI_FAILURES, named, error.status_code, error.response.headers, codes, error.message)
        return TransientError(f"{named}: {type(error).__name__}: {quoted(error.message)}")
