"""The document that a message came as is completed before it is routed: from records, from the customer's words, by the
customer, who is asked once.
"""

from collections.abc import Awaitable, Callable, Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.actions.heal import HealActivities, HealRequest, HealResult
    from activities.models.repair import FieldsRequest, RepairActivities
    from domain.case import MENDED, WORDLESS, CaseInput, CaseStatus
    from domain.conversations.words import with_document
    from domain.letters import FieldsAsked
    from domain.model_call import Usage
    from domain.model_steps import ModelStep
    from domain.repair.in_case import in_words
    from domain.repair.patching import FieldPatch
    from domain.routing import Category
    from domain.specialists import SPECIALISTS
    from workflows import options
    from workflows.conversation import Conversation, Next
    from workflows.endings import Conclusion
    from workflows.steps import run_step


async def complete(
    talk: Conversation,
    status: CaseStatus,
    spend: Callable[[Usage], None],
    ask: Callable[[FieldsAsked], Awaitable[Conclusion | Next]],
) -> Conclusion | Next | None:
    """Complete the case's document; None once nothing is missing, or where there is none.

    Raises:
        ActivityError: a step failed for good, or was cancelled.
    """
    while talk.case.document and not talk.case.skip_to_human and not talk.unreadable:
        talk.read()
        found = await _completed(talk, spend)
        status.notices[:] = [note for note in status.notices if note not in found.notes] + found.notes
        status.fields = found.fields
        if found.contradicted:
            status.finding = f"the answer says something else than the document: {in_words(found.contradicted)}"
            return Next.PERSON
        if not found.missing:
            if found.claimed is not None or WORDLESS not in talk.case.flags:
                return None
            status.finding = "no words came with the document, and none of its fields says for sure why money is wanted"
            return Next.PERSON
        labels = [field.label for field in found.ask]
        status.finding = f"the document lacks {in_words(labels)}"
        if talk.case.asked_for or not talk.case.policy.waits_for_customers:
            return Next.PERSON
        following = await ask(FieldsAsked(missing=[field.name for field in found.ask], fields=labels))
        if following is not Next.AGAIN:
            return following
    return None


async def _completed(talk: Conversation, spend: Callable[[Usage], None]) -> HealResult:
    """Fill the document from records, and what is missing then from what the customer wrote, as far as that is
    proven.
    """
    found = await _healed(talk, ())
    if found.missing:
        case = talk.case
        proposed = await run_step(
            "repair",
            options.MODEL_SMALL,
            RepairActivities.find_fields,
            FieldsRequest(case=case, missing=found.missing, facts=found.facts),
            ladder_s=case.policy.ladder_s,
            summary="look for the missing fields in the message",
            tier=case.policy.tiers.get(ModelStep.REPAIR),
        )
        spend(proposed.usage)
        if proposed.patches:
            found = await _healed(talk, proposed.patches)
    await talk.become(
        with_document(
            talk.case,
            order_id=found.order_id,
            amount=found.amount,
            currency=found.currency,
            taints=found.taints or [MENDED] * found.tainted,
            claimed=found.claimed,
            in_fields=found.in_fields,
        )
    )
    return found


async def _healed(talk: Conversation, patches: Sequence[FieldPatch]) -> HealResult:
    return await run_step(
        "heal the document",
        options.LOOK_UP,
        HealActivities.heal_document,
        HealRequest(case=talk.case, patches=patches),
        ladder_s=talk.case.policy.ladder_s,
        summary="fill the document from records",
    )


def category_of_document(case: CaseInput) -> Category | None:
    """Return where a document goes that asks for money back by its fields, with no words to route it by: the one
    category that pays; None where there are several, or it has words.
    """
    if case.claimed is None or WORDLESS not in case.flags:
        return None
    paying = [category for category in case.policy.categories if SPECIALISTS[category.specialist].pays]
    return paying[0] if len(paying) == 1 else None
