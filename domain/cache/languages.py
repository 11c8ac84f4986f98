"""In which languages answers are reused, and why not in the others that were measured."""

from dataclasses import dataclass, field

from domain.model_steps import CacheRules


@dataclass(frozen=True)
class ReusedIn:
    """Languages where answers are reused, and those where they are not, each with the reason."""

    on: list[str] = field(default_factory=list)
    off: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """It in one line.

        >>> ReusedIn(["en"], {"de": "measured with another embedder"}).line
        'in en; off in de: measured with another embedder'
        """
        said = [f"in {', '.join(self.on)}"] if self.on else []
        said += [f"off in {lang}: {why}" for lang, why in self.off.items()]
        return "; ".join(said) or "in no language: none is measured"


def reused_in(rules: CacheRules, embedder: str) -> ReusedIn:
    """Return where answers are reused with an embedder; empty: which one is in use is not known."""
    found = ReusedIn()
    for lang in dict.fromkeys(one.lang for one in rules.measured):
        if embedder and rules.rule_for(lang, embedder) is not None:
            found.on.append(lang)
        else:
            found.off[lang] = _why_off(rules, lang, embedder)
    return found


def _why_off(rules: CacheRules, lang: str, embedder: str) -> str:
    """Return what is amiss with a language's measurements, as `CacheRules.rule_for` counts them."""
    if not embedder:
        return "the embedder in use cannot be asked for its name"
    of_lang = [one for one in rules.measured if one.lang == lang]
    own = [one for one in of_lang if one.embedder == embedder]
    if not own:
        others = ", ".join(dict.fromkeys(one.embedder for one in of_lang))
        return f"measured with another embedder ({others}); {embedder} is in use"
    by_rule = {
        rule: max(one.false_upper for one in own if one.rule is rule)
        for rule in rules.rules_allowed
        if any(one.rule is rule for one in own)
    }
    if not by_rule:
        return f"measured by another rule ({', '.join(dict.fromkeys(one.rule.value for one in own))})"
    return f"its error {min(by_rule.values()):g} is above max_false_hit {rules.max_false_hit:g}"
