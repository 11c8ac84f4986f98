"""Text that is addressed to a model. A sign for the statistics: whoever wants to get round it can, so nothing is
cleared by its absence.
"""

import re

_PATTERNS = (
    (
        r"\b(?:ignore|disregard|forget|override|bypass) (?:\w+ ){0,4}(?:instructions?|prompts?|rules|guidelines|"
        r"directions|context)\b"
    ),
    r"\b(?:system|initial|starting|hidden|developer) ?(?:prompt|instructions?)\b",
    r"\bstop everything\b.{0,20}\bjust (?:say|print|write|output)\b|\bjust (?:say|print|output) [\"“'«]",
    (
        r"\brepeat (?:the (?:above|instructions|text)|everything|this entire|all (?:of )?(?:the )?(?:above|"
        r"instructions))\b"
    ),
    (
        r"\b(?:in|to|from|of|augment|modify|provide|scramble|change) (?:\w+ ){0,5}your (?:response|reply|answer|"
        r"message|"
        r"output)(?:'s|s)?\b"
    ),
    r"\byour (?:response|answer|reply|output)'s words\b",
    (
        r"\byou are (?:now|no longer) (?:a|an|in|my|the|bound|dan)\b|\b(?:pretend|act) (?:to be|as if|as an? (?:ai|"
        r"language model|assistant|system))\b"
    ),
    r"\b(?:jailbreak|do anything now|developer mode|dan mode|as an ai|language model|prompt injection)\b",
    r"\binstructions? (?:you were|were you) given\b|\bi was instructed to\b",
    r"<\|(?:im_start|im_end|system|endoftext)[^>]{0,20}>|\[/?INST\]|<<SYS>>|^\s?(?:###\s?)?(?:system|assistant)\s?:",
    (
        r"\b(?:approve|issue|process) (?:this|the|my) (?:refund|payment|wire|transfer) (?:without|immediately without|"
        r"regardless)"
    ),
    r"\b(?:ignoriere|vergiss|missachte) (?:\w+ ){0,4}(?:anweisungen|instruktionen|regeln)\b",
    r"\bignore[zr]? (?:\w+ ){0,4}(?:instructions|consignes)\b",
    r"\bignor[ae] (?:\w+ ){0,4}(?:instrucciones|instruções|istruzioni)\b",
    r"تجاهل (?:جميع |كل )?التعليمات|忽略(?:之前|以上|所有)",
)
# No pattern matches without one of these: most texts are let through by a plain search.
_HINTS = (
    "instruc", "instruç", "prompt", "rules", "guideline", "direction", "context", "just ", "repeat", "respon", "reply",
    "answer", "message", "output", "you are", "act ", "pretend", "jailbreak", "anything now", " mode", "as an ai",
    "language model", "<|", "inst]", "<<sys", "system", "assistant", "refund", "payment", "wire", "transfer",
    "anweisung", "instruk", "regeln", "consigne", "istruz", "تعليمات", "忽略",
)  # fmt: skip
_INSTRUCTION = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE | re.MULTILINE)


def instruction_like(text: str) -> bool:
    """Tell whether some words of a text are of the kind people use to turn a model round."""
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS) and _INSTRUCTION.search(text) is not None
