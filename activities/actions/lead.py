"""Record a lead: find the account, map the territory, score, write it once."""

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.grants import require_grant
from domain.case import CaseInput, EffectRecord
from domain.reading.sales import LeadFacts, map_territory, score_lead
from ports.store import CaseStore, Crm

UNASSIGNED = "unassigned"


class RecordLeadRequest(BaseModel):
    """The case and what the model read out of it."""

    case: CaseInput
    facts: LeadFacts


class RecordLeadResult(BaseModel):
    """Who takes the lead, how warm it is (0 to 100) and why, and the effect on record."""

    account_name_known: bool
    owner: str
    team: str
    score: int
    reasons: list[str] = Field(default_factory=list)
    effect: EffectRecord


class LeadActivities:
    """Works the CRM tables."""

    def __init__(self, crm: Crm, cases: CaseStore, clock: Clock = utc_now) -> None:
        self._crm = crm
        self._cases = cases
        self._clock = clock

    @activity.defn
    def record_lead(self, request: RecordLeadRequest) -> RecordLeadResult:
        """Record the lead of a case once; where no territory fits it is `unassigned`, never lost.

        Raises:
            RefusedError: the specialist that asks may not use this tool.
            TransientError: the store cannot be reached.
        """
        require_grant("record_lead")
        case, facts = request.case, request.facts
        account = self._crm.find_crm_account(
            tenant=case.tenant,
            customer_id=case.customer_id,
            sender_email=self._cases.load(case.case_id).sender_email,
            company=facts.company,
        )
        territory = map_territory(account, facts, self._crm.territories(case.tenant))
        score = score_lead(facts, account)
        owner = territory.owner if territory else UNASSIGNED
        team = territory.team if territory else UNASSIGNED
        effect = self._crm.record_lead(
            case_id=case.case_id,
            tenant=case.tenant,
            account_id=account.account_id if account else None,
            owner=owner,
            team=team,
            score=score.score,
            facts=facts.model_dump(mode="json"),
            at=self._clock(),
        )
        return RecordLeadResult(
            account_name_known=account is not None,
            owner=owner,
            team=team,
            score=score.score,
            reasons=score.reasons,
            effect=effect,
        )
