"""The second reader: asked where it knows the language, heard together with the router, never in place of it."""

from collections.abc import Sequence

import numpy as np
import pytest

from activities.models.prompting import Prompts
from adapters.models.offline.router import LABELS, EmbeddedRouter
from adapters.models.offline.router.lexicon import load_lexicon
from adapters.models.offline.router.meaning import HEAD, MeaningReader
from adapters.models.offline.router.weights import Weights, load_weights
from adapters.models.offline.solve import Solver
from adapters.models.offline.task import Task
from domain.reading.answers import route_schema
from domain.routing import DEFAULT_CATEGORIES, Category
from tests.unit.adapters.weights.installed import shelf_with
from workers.config.settings import Settings
from workers.parts.blueprint import read_blueprint

RETURNS = Category(
    name="Returns", description="goods back", specialist="sales", examples=("the shoes pinch", "wrong colour came")
)
SHIPPED = load_weights()
STRANGE = ("what is the price of gold today", "how much tip should I pay a waiter", "book me a table for two")


class FakeEmbedder:
    """Puts a text on the axis of the first word of it that it knows."""

    name, size = "fake", 4

    def __init__(self, *words: str) -> None:
        self.words = words
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [[float(word in text) for word in self.words] + [0.0] * (4 - len(self.words)) for text in texts]


def head(*, sure: float = 9.0) -> Weights:
    """A head whose axes are the labels and, last, nobody."""
    return Weights(
        hashed=np.eye(4, dtype=np.float32) * sure, bias=np.zeros(4, dtype=np.float32), temperature=1.0,
        abstain_below=0.55, calibration=(), labels=LABELS, figures={"embedder": "fake"}, digest="d" * 64,
    )  # fmt: skip


async def routed(text: str, embedder: FakeEmbedder, lang: str = "en", *more: Category) -> str | None:
    router = EmbeddedRouter(SHIPPED, load_lexicon(), MeaningReader(embedder, head()))
    categories = [*DEFAULT_CATEGORIES, *more]
    system = Prompts(read_blueprint(Settings()).prompts, "route").render("route", categories=categories)
    said = [f'<ticket lang="{lang}">\n{text}\n</ticket>']
    task = Task(name="route", schema=route_schema([c.name for c in categories]), system=system, said=said)
    solver = Solver(router)
    answer = solver.solve(task, await solver.meant(task))
    return None if answer.value is None else answer.value["route"]


async def test_what_both_call_a_matter_of_nobody_is_left_to_people() -> None:
    """The router alone finds a queue for it."""
    text = "how much does it cost to rent a zebra for a day"
    assert EmbeddedRouter.load().route(text).label is not None
    assert await routed(text, FakeEmbedder("q1", "q2", "q3", "zebra")) is None


async def test_another_language_is_not_put_to_it() -> None:
    embedder = FakeEmbedder("x", "y", "z", "Rechnung")
    assert await routed("meine Rechnung ist falsch, Sie haben doppelt abgebucht", embedder, "de") == "Billing"
    assert embedder.asked == []


async def test_a_text_that_it_can_make_nothing_of_is_the_routers_alone() -> None:
    assert await routed("I was charged twice", FakeEmbedder("q")) == "Billing"


async def test_a_new_category_takes_what_is_near_to_its_examples() -> None:
    text = "my new pair of boots and shoes hurts"
    assert await routed(text, FakeEmbedder("q1", "q2", "shoes"), "en", RETURNS) == "Returns"
    assert await routed(text, FakeEmbedder("q1", "q2", "pair"), "en", RETURNS) != "Returns"


async def test_an_example_is_embedded_once() -> None:
    embedder = FakeEmbedder("shoes")
    meaning = MeaningReader(embedder, head())
    for _ in range(3):
        await meaning.read("shoes", "en", {"Returns": ["the shoes pinch"]})
    assert embedder.asked.count("the shoes pinch") == 1


def test_its_presence_is_part_of_the_fingerprint_and_what_was_taught_is_asked_alone() -> None:
    plain = EmbeddedRouter(SHIPPED, load_lexicon())
    both = EmbeddedRouter(SHIPPED, load_lexicon(), MeaningReader(FakeEmbedder(), head()))
    assert plain.fingerprint != both.fingerprint
    taught = Weights(**{**vars(SHIPPED), "taught": {}})
    assert EmbeddedRouter(taught, load_lexicon(), MeaningReader(FakeEmbedder(), head())).level == plain.level


def test_a_head_is_never_used_with_another_embedder() -> None:
    assert MeaningReader.of(FakeEmbedder()) is None
    shipped = load_weights(HEAD)
    assert shipped.labels == LABELS
    assert shipped.figures["trained_on"] == ["own corpus"]
    assert shipped.hashed.shape == (384, 4)


@pytest.mark.parametrize("text", ["the shoes are too small", "they pinch, the shoes"])
def test_without_it_an_example_counts_by_its_words(text: str) -> None:
    system = "Returns: goods back\n  for example: the shoes pinch, too small\n"
    task = Task(name="route", schema=route_schema(["Billing", "Returns"]), system=system, said=[text])
    assert Solver(EmbeddedRouter.load()).solve(task).value == {"route": "Returns"}


async def test_minilm_itself_leaves_strange_questions_to_people() -> None:
    """With the real model, where it is installed: the router alone finds a queue for each of these."""
    pytest.importorskip("onnxruntime")
    from adapters.embedding.minilm import MiniLMEmbedder

    meaning = MeaningReader.of(MiniLMEmbedder(shelf_with("minilm")))
    assert meaning is not None, "the head was trained with the model of the manifest"
    alone, together = EmbeddedRouter.load(), EmbeddedRouter(SHIPPED, load_lexicon(), meaning)
    for text in STRANGE:
        meant = await together.meant(text, "en", {})
        assert meant is not None
        assert alone.route(text).label is not None, text
        assert together.route(text, meant.probabilities).label is None, text
    meant = await together.meant("I was charged twice for my order", "en", {})
    assert meant is not None
    assert together.route("I was charged twice for my order", meant.probabilities).label == "Billing"
