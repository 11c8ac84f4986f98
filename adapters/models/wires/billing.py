"""What a call cost, from the provider's own count."""

from domain.model_call import ModelRequest, Price, Usage

STAND_IN = "embedded-"
"""How the names of the embedded stand-in's models begin: its answers are marked in the case."""


def billed(
    price: Price, model: str, input_tokens: int | None, output_tokens: int | None, request: ModelRequest, text: str
) -> Usage:
    """Return what one call used and cost; `model` is the one that answered.

    A server that counts nothing is charged by an estimate from above: a third of the bytes and 16 tokens for the frame.
    """
    if input_tokens is None:
        input_tokens = sum(len(m.content.encode()) for m in request.messages) // 3 + 16
    if output_tokens is None:
        output_tokens = len(text.encode()) // 3 + 16
    cost = price.cost_micros(input_tokens, output_tokens)
    return Usage(
        calls=1,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_micros=cost,
        degraded=model.startswith(STAND_IN),
    )
