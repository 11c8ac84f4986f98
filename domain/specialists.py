"""The specialists, in one table: who works a category, with which tools, and where its code is.

A new specialist is one workflow file, its rules, its activities, its prompts, and one row here. Workers, grants,
blueprint validation, `headgate doctor` and the docs follow from the table. Grants follow the route and this table,
never a model's text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Specialist:
    """One row: a specialist and all that belongs to it.

    Attributes:
        name: as the blueprint names it in `categories`.
        about: one line for people.
        workflow: `module:Class` of its workflow.
        step: last part of its workflow's id, below the case's.
        activities: `module:Class` of the activities that it uses; those below `activities.models` run on the model
            queues, all others on the action queue. Their arguments are filled in by name (`workers/bootstrap.py`).
        tools: names of the activities that it may use.
        prompts: prompts that the blueprint must have for it.
        needs_knowledge: it answers from articles, so its category must name areas of them.
        pays: it may move money, so payments in doubt are settled before its case ends.
    """

    name: str
    about: str
    workflow: str
    step: str
    activities: tuple[str, ...]
    tools: frozenset[str]
    prompts: tuple[str, ...] = ()
    needs_knowledge: bool = False
    pays: bool = False

    @property
    def workflow_type(self) -> str:
        """Name by which Temporal knows its workflow."""
        return self.workflow.partition(":")[2]


SPECIALISTS: dict[str, Specialist] = {
    row.name: row
    for row in (
        Specialist(
            name="billing",
            about="reads claims, decides refunds by policy, pays back what is owed, answers billing questions",
            workflow="workflows.specialists.billing:BillingWorkflow",
            step="billing",
            activities=(
                "activities.models.extract:ExtractActivities",
                "activities.models.diagnose:DiagnoseActivities",
                "activities.actions.find:FindActivities",
                "activities.actions.pay:PayActivities",
            ),
            tools=frozenset({"extract_claim", "find_account", "search_billing_knowledge", "refund"}),
            prompts=("claim",),
            pays=True,
        ),
        Specialist(
            name="technical_support",
            about="diagnoses trouble from the knowledge base and answers with the steps that mend it",
            workflow="workflows.specialists.technical_support:TechnicalSupportWorkflow",
            step="support",
            activities=("activities.models.diagnose:DiagnoseActivities",),
            tools=frozenset({"diagnose"}),
            prompts=("diagnosis",),
            needs_knowledge=True,
        ),
        Specialist(
            name="sales",
            about="reads what is wanted, records the lead with its owner, drafts the reply",
            workflow="workflows.specialists.sales:SalesWorkflow",
            step="sales",
            activities=(
                "activities.models.qualify:QualifyActivities",
                "activities.models.draft:DraftActivities",
                "activities.actions.lead:LeadActivities",
            ),
            tools=frozenset({"qualify_lead", "record_lead", "draft_reply"}),
            prompts=("lead", "reply"),
        ),
        Specialist(
            name="knowledge",
            about="answers a question from approved articles and names the article, or hands it to a person",
            workflow="workflows.specialists.knowledge:KnowledgeWorkflow",
            step="knowledge",
            activities=("activities.models.answer:AnswerActivities",),
            tools=frozenset({"answer_from_articles"}),
            prompts=("article",),
            needs_knowledge=True,
        ),
    )
}


CASE_WORKFLOW = "CaseWorkflow"
"""The workflow inside which specialists work; its steps carry the specialist's name in their activity id."""


def of_workflow(workflow_type: str, activity_id: str = "") -> Specialist | None:
    """Return the specialist that a step belongs to, or None.

    That of the workflow's own type; inside a case the one whose name the case gave the step, before the first slash.

    >>> of_workflow("SalesWorkflow").name, of_workflow("CaseWorkflow", "billing/3").name
    ('sales', 'billing')
    """
    if workflow_type == CASE_WORKFLOW:
        name, slash, _ = activity_id.partition("/")
        return SPECIALISTS.get(name) if slash else None
    return next((s for s in SPECIALISTS.values() if s.workflow_type == workflow_type), None)


def is_of_agents(scope: str) -> bool:
    """Return whether a budget's scope of kind `kind` names an agent that asks models; other scopes name none.

    >>> is_of_agents("kind:billing"), is_of_agents("kind:biling"), is_of_agents("kind:*"), is_of_agents("tenant:biling")
    (True, False, True, True)
    """
    what, _, name = scope.partition(":")
    return what != "kind" or name in ("*", "router", *SPECIALISTS)


def is_granted(workflow_type: str, tool: str, activity_id: str = "") -> bool:
    """Return whether the specialist that a step belongs to may use a tool.

    >>> is_granted("SalesWorkflow", "refund"), is_granted("CaseWorkflow", "refund", "sales/1")
    (False, False)
    """
    specialist = of_workflow(workflow_type, activity_id)
    return specialist is not None and tool in specialist.tools
