"""A model that answers as it is told."""

from domain.model_call import ModelReply, ModelRequest


class FakeModel:
    """Gives the replies in turn and keeps what it was asked."""

    def __init__(self, *replies: ModelReply | Exception) -> None:
        self._replies = list(replies)
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        given = self._replies.pop(0)
        if isinstance(given, Exception):
            raise given
        return given
