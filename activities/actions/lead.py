"""Record a lead: find the account, map the territory, score, write it once."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, Field
from temporalio import activity

from activities.clock import Clock, utc_now
from activities.grants import require_grant
from activities.withdrawn import is_withdrawn
from domain.case import CaseInput, EffectRecord
from domain.conversations.leads import adds_nothing, lacks
from domain.errors import RefusedError
from domain.reading.sales import LeadFacts, map_territory, score_lead
from ports.store import CaseStore, Crm

UNASSIGNED = "unassigned"
_CONTACT = re.compile(r"\[(?:EMAIL|PHONE)_[0-9]+\]")  # an address or a number in the text


class RecordLeadRequest(BaseModel):
    """The case and what the model read out of it."""

    case: CaseInput
    facts: LeadFacts


class RecordLeadResult(BaseModel):
    """Who takes the lead, how warm it is (0 to 100) and why, and the effect on record.

    `noted_on` is the older case of the conversation whose lead has all that is asked: then nothing else was recorded.
    """

    account_name_known: bool
    owner: str
    team: str
    score: int
    reasons: list[str] = Field(default_factory=list)
    effect: EffectRecord | None = None
    noted_on: str | None = None


class LeadActivities:
    """Works the CRM tables."""

    def __init__(
        self,
        crm: Crm,
        cases: CaseStore,
        clock: Clock = utc_now,
        withdrawn: Callable[[str], Awaitable[bool]] = is_withdrawn,
    ) -> None:
        self._crm = crm
        self._cases = cases
        self._clock = clock
        self._withdrawn = withdrawn

    @activity.defn
    async def record_lead(self, request: RecordLeadRequest) -> RecordLeadResult:
        """Record the lead of a case once; where no territory fits it is `unassigned`, never lost. What asks nothing new
        in the conversation of a lead is noted on that one.

        Raises:
            RefusedError: the specialist that asks may not use this tool, the case was cancelled or has ended, or it is
                no lead: nothing is wanted, or nobody could be answered. Then a person looks at it.
            TransientError: the store cannot be reached.
        """
        require_grant("record_lead")
        if await self._withdrawn(request.case.case_id):
            raise RefusedError(f"{request.case.case_id!r} is being cancelled: no lead is recorded for it any more")
        return await asyncio.to_thread(self._record, request.case, request.facts)

    def _record(self, case: CaseInput, facts: LeadFacts) -> RecordLeadResult:
        if self._cases.ending(case.case_id, case.replay) is not None:
            raise RefusedError(f"{case.case_id!r} has ended: no lead is recorded for it any more")
        older = self._crm.lead_of(case.continues) if case.continues is not None else None
        if older is not None and adds_nothing(older, facts, now=self._clock()):
            self._crm.note_on_lead(older.case_id, case.case_id)
            return RecordLeadResult(
                account_name_known=False,
                owner=older.owner,
                team=older.team,
                score=older.score,
                noted_on=older.case_id,
            )
        sender = self._cases.load(case.case_id)
        named = any((case.customer_id, sender.sender_email, sender.sender_name))
        # Whoever chats is there, whatever their name.
        lacking = lacks(facts, reachable=named or case.channel == "chat" or _CONTACT.search(case.text) is not None)
        if lacking is not None:
            raise RefusedError(f"no lead: {lacking}")
        account = self._crm.find_crm_account(
            tenant=case.tenant,
            customer_id=case.customer_id,
            sender_email=sender.sender_email,
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
