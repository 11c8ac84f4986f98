"""Prompts and answers: what a model is shown, and when its answer is taken.

Instructions come from the blueprint, as templates; a customer's text is only ever a value put beside them, fenced,
never a template.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from jinja2 import Template, TemplateError, meta
from pydantic import BaseModel, ValidationError
from temporalio import activity

from activities.heartbeat import heartbeating
from activities.templates import RENDER_ERRORS, sandbox
from domain.blueprint import Blueprint
from domain.case import CaseInput
from domain.conversations.words import shortened, whole_text
from domain.errors import BadAnswerError, BadSpellError, ConfigurationError, StrictJSONError, UnfitAnswerError
from domain.inbound.strict_json import loads as strict_loads
from domain.model_call import Message, ModelReply, ModelRequest, Tier, Usage
from domain.reading.answers import strict_schema
from ports.model import JudgedModel, LanguageModel

ANSWERS_AT_MOST = 2  # the answer, and one more after saying what was wrong with it
# Of a longer message the model sees the beginning and the end, where people say what they want.
TICKET_HEAD, TICKET_TAIL = 6_000, 2_000
# Of a conversation the first message and the newest one are shown at such length, two between them shortly.
TALK_HEAD, TALK_TAIL = 3_000, 1_000
BETWEEN_HEAD, BETWEEN_TAIL = 750, 250
ANSWER_CHARS = 65_536
SHOWN_BACK_CHARS = 2_000

Answer = TypeVar("Answer")
Schema = TypeVar("Schema", bound=BaseModel)

# The tags that fence data in a prompt, in any spelling that a model might take for them.
_FENCE = re.compile(r"[<＜‹](?=\s*[/／]?\s*(?:ticket|articles|facts)\b)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")
_WHOLE_FENCED = re.compile(r"\A```[a-z]*\n(.*)\n```\Z", re.DOTALL)

_environment = sandbox()


class Prompts:
    """The blueprint's prompt templates, compiled once.

    Raises:
        ConfigurationError: a template is missing or no valid Jinja.
    """

    def __init__(self, texts: Mapping[str, str], *needed: str) -> None:
        self._templates: dict[str, Template] = {}
        for name in needed:
            if name not in texts:
                raise ConfigurationError(f"the blueprint has no prompt {name!r}: add prompts/{name}.md")
            try:
                self._templates[name] = _environment.from_string(texts[name])
            except TemplateError as e:
                raise ConfigurationError(f"prompts/{name}.md is no valid template: {e}") from e

    def render(self, name: str, **values: object) -> str:
        """Return the instructions with the values put in.

        Raises:
            ConfigurationError: the template asks for a value that this step does not give.
        """
        try:
            return self._templates[name].render(**values).strip()
        except RENDER_ERRORS as e:
            raise ConfigurationError(f"prompts/{name}.md cannot be rendered: {e}; it may use {sorted(values)!r}") from e


# The values that a step gives its prompt beside the message; all other prompts have none.
PROMPT_VALUES: Mapping[str, tuple[str, ...]] = {"route": ("categories",)}


def check_prompts(blueprint: Blueprint) -> None:
    """Compile every prompt and render it as its step does, with one category, with all, and with very many.

    Raises:
        ConfigurationError: one is no template, asks for a value that there is not, or says nothing; the message names
            the file within the blueprint.
    """
    prompts = Prompts(blueprint.prompts, *blueprint.prompts)
    some = blueprint.categories
    for name, text in blueprint.prompts.items():
        fields = PROMPT_VALUES.get(name, ())
        unknown = sorted(meta.find_undeclared_variables(_environment.parse(text)) - {*fields})
        if unknown:
            may = f"it may use {', '.join(fields)}" if fields else "this prompt has none"
            raise ConfigurationError(f"prompts/{name}.md asks for the value {unknown[0]!r}; {may}")
        for categories in (some[:1], some, some * 50) if fields else (some,):
            said = prompts.render(name, **({"categories": list(categories)} if fields else {}))
            if not said:
                raise ConfigurationError(f"prompts/{name}.md says nothing: a model needs its instructions")
            missing = [c.name for c in categories if fields and c.name not in said]
            if missing:
                raise ConfigurationError(
                    f"prompts/{name}.md leaves out the category {missing[0]!r}: "
                    "{% for category in categories %}{{ category.name }}{% endfor %}"
                )


def spoken_text(case: CaseInput) -> str:
    """Return all that the customer wrote, the subject first and the newest last; fences made harmless."""
    first = f"{case.subject.strip()}\n\n{case.text.strip()}".strip()
    return _FENCE.sub("(", whole_text(case, texts=[first, *case.answers]))


def ticket_text(case: CaseInput) -> str:
    """Return the message as the model sees it: subject and text, then what the customer wrote after it, the newest
    last; fences made harmless, the middle of what is very long left out.
    """
    first = f"{case.subject.strip()}\n\n{case.text.strip()}".strip()
    if not case.answers:
        return shortened(spoken_text(case), TICKET_HEAD, TICKET_TAIL)
    between = [shortened(text.strip(), BETWEEN_HEAD, BETWEEN_TAIL) for text in case.answers[-3:-1]]
    newest = shortened(case.answers[-1].strip(), TALK_HEAD, TALK_TAIL)
    return _FENCE.sub("(", whole_text(case, texts=[shortened(first, TALK_HEAD, TALK_TAIL), *between, newest]))


def fenced_ticket(case: CaseInput) -> str:
    """Return the message between its fences."""
    lang = case.lang if _LANGUAGE.fullmatch(case.lang) else "und"
    return f'<ticket lang="{lang}">\n{ticket_text(case)}\n</ticket>'


def fenced_json(tag: str, value: object) -> str:
    """Return data as JSON between fences; no text in it can close them."""
    body = json.dumps(value, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")
    return f"<{tag}>\n{body}\n</{tag}>"


@dataclass(frozen=True)
class Asked(Generic[Answer]):
    """An answer that was taken, what all calls for it used, and how often was asked."""

    answer: Answer
    reply: ModelReply
    usage: Usage
    asked: int


async def ask(model: LanguageModel, request: ModelRequest, read: Callable[[ModelReply], Answer]) -> Asked[Answer]:
    """Ask until `read` takes the answer, twice at most; the second time with the reason why the first was not taken.

    Raises:
        BadAnswerError: the second answer was not taken either; `usage` says what both cost.
        BadSpellError: the same, while bad answers come to message after message; then one answer is enough.
        HeadgateError: what the model raises.
    """
    usage = Usage()
    asking = request
    judge = model if isinstance(model, JudgedModel) else None  # measurements ask models that nobody watches
    async with heartbeating():
        for n in range(1, ANSWERS_AT_MOST + 1):
            reply = await model.complete(asking)
            usage = usage.plus(reply.usage)
            try:
                answer = read(reply)
            except UnfitAnswerError as e:
                reason = str(e)
            else:
                if judge is not None:
                    await judge.judged(request, fit=True)
                return Asked(answer=answer, reply=reply, usage=usage, asked=n)
            if judge is not None and judge.in_spell(request):
                break
            asking = _with_objection(request, reply, reason)
    message = f"task {request.schema_name!r}: {n} answer{'s' if n > 1 else ''} did not fit: {reason}"
    # A model that declines to answer says something of the message, however many come: that is no spell.
    if judge is not None and reply.refusal is None and await judge.judged(request, fit=False):
        raise BadSpellError(f"{message}; nor did those to other messages", usage)
    raise BadAnswerError(message, usage)


class Question(Generic[Schema]):
    """One typed question to a model: instructions of the blueprint, data that is fenced, an answer of one schema.

        claim = Question(models[Tier.SMALL], blueprint, "claim", ClaimAnswer, tier=Tier.SMALL, max_output=400)
        asked = await claim.ask(fenced_ticket(case))

    Args:
        model: who is asked.
        blueprint: has the instructions.
        name: of the prompt, and of the structured output on the wire.
        schema: the answer.
        tier: of the model.
        max_output: tokens.

    Raises:
        ConfigurationError: the blueprint has no such prompt, or it is no valid template.
    """

    def __init__(
        self,
        models: Mapping[Tier, LanguageModel],
        blueprint: Blueprint,
        name: str,
        schema: type[Schema],
        *,
        tier: Tier,
        max_output: int,
    ) -> None:
        self._model = models[tier]
        self._prompts = Prompts(blueprint.prompts, name)
        self._name = name
        self._schema = schema
        self._json_schema = strict_schema(schema)
        self._tier = tier
        self._max_output = max_output

    async def ask(self, *data: str, read: Callable[[ModelReply], Schema] | None = None) -> Asked[Schema]:
        """Ask about the data, fenced texts side by side; `read` takes the answer where more than its
        schema counts.

        Raises:
            BadAnswerError: two answers did not fit.
            TransientError, ToldToWaitError, UnsupportedTaskError, ConfigurationError: as the model's.
        """
        request = ModelRequest(
            tier=self._tier,
            schema_name=self._name,
            json_schema=self._json_schema,
            messages=[
                Message(role="system", content=self._prompts.render(self._name)),
                Message(role="user", content="\n".join(data)),
            ],
            max_output=self._max_output,
            case_id=_asking(),
            asked_by=_step_asking(),
        )
        return await ask(self._model, request, read or (lambda reply: read_json(reply, self._schema)))


def _asking() -> str:
    """Return the workflow that asks, empty outside of one."""
    return (activity.info().workflow_id or "") if activity.in_activity() else ""


def _step_asking() -> str:
    """Return which specialist's step asks: what such a step is called, the same at every try of it."""
    step = activity.info().activity_id if activity.in_activity() else ""
    return step if "/" in step else ""


def _with_objection(request: ModelRequest, reply: ModelReply, reason: str) -> ModelRequest:
    said = (reply.refusal or reply.text).strip()[:SHOWN_BACK_CHARS] or "(nothing)"
    objection = f"This answer cannot be taken: {reason}. Answer again, once, exactly as the instructions say."
    added = [Message(role="assistant", content=said), Message(role="user", content=objection)]
    return request.model_copy(update={"messages": [*request.messages, *added]})


def read_json(reply: ModelReply, schema: type[Schema]) -> Schema:
    """Return the answer as the schema's model.

    Raises:
        UnfitAnswerError: it was refused or cut off, is not exactly one JSON object, or does not fit the schema.
    """
    if reply.refusal is not None:
        raise UnfitAnswerError(f"it was refused ({reply.refusal[:120]!r})")
    if reply.truncated:
        raise UnfitAnswerError("it was cut off: answer more briefly")
    text = reply.text.strip()
    if not text:
        raise UnfitAnswerError("it is empty: answer with one JSON object")
    if len(text) > ANSWER_CHARS:
        raise UnfitAnswerError(f"it is {len(text)} characters long, at most {ANSWER_CHARS} are read")
    inner = _WHOLE_FENCED.match(text)
    text = inner[1].strip() if inner else text
    try:
        strict_loads(text.encode("utf-8", "surrogatepass"))
    except StrictJSONError as e:
        raise UnfitAnswerError(f"it is not exactly one JSON object: {e}") from None
    try:
        return schema.model_validate_json(text, strict=True)
    except ValidationError as e:
        _raise_misfit(e)


def _raise_misfit(error: ValidationError) -> NoReturn:
    # `include_input=False`: the reason is shown in failures, where no customer's words belong.
    found: list[Any] = error.errors(
        include_url=False, include_input=False, include_context=False
    )  # Any: pydantic's own dicts
    listed = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in found[:5])
    raise UnfitAnswerError(f"it does not fit the schema ({listed})") from None
