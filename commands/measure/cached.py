"""What `headgate eval cache` measures: the product's rules on labelled questions, with the embedder in use."""

from pathlib import Path

from domain.errors import not_among
from domain.model_steps import CacheRule


async def evaluate_cache(data: Path, rule_name: str, seed: int, picture: Path | None) -> dict[str, object]:
    """Return what a file of questions or of pairs comes to.

    Raises:
        UsageError: the file or the rule is none.
        HeadgateError: the embedder does not answer.
    """
    from bench.caching.picture import curve_svg
    from bench.caching.questions import embedded, read_questions
    from bench.caching.stream import by_rule, curve, languages, run_pairs, run_stream
    from domain.cache.lexicon import NearMissGuard
    from workers.bootstrap import Parts
    from workers.config.settings import load_settings

    if rule_name not in set(CacheRule):
        raise not_among("--rule", rule_name, [r.value for r in CacheRule])
    rule = CacheRule(rule_name)
    questions, pairs = read_questions(data)
    parts = Parts(load_settings())
    guard, embedder = NearMissGuard(parts.blueprint.words.guard), parts.embedder
    texts = [q.text for q in questions] + [text for p in pairs for text in (p.taught, p.asked)]
    vectors = await embedded(embedder, texts)
    document: dict[str, object] = {"embedder": embedder.name, "rule": rule.value}
    if pairs:
        document |= run_pairs(pairs, vectors, guard, by_rule(rule))
    if questions:
        figures = {
            **run_stream(questions, vectors, guard, by_rule(rule), seed=seed).document(),
            "by_lang": languages(questions, vectors, guard, seed=seed),
        }
        document |= {"stream": figures} if pairs else figures
        if picture is not None:
            document["curve"] = curves = curve(questions, vectors, guard, seed=seed)
            picture.write_text(curve_svg(curves, f"{data.name}: {len(questions)} questions, {embedder.name}"), "utf-8")
    return document
