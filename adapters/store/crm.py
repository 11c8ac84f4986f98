"""The CRM tables: accounts, territories, leads."""

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.store.database import Database, insert_first
from adapters.store.effects import effect_record
from adapters.store.tables import crm_accounts, customers, effects, leads, territories
from domain.case import EffectRecord
from domain.conversations.leads import LeadOnRecord
from domain.mail.addresses import fold_address
from domain.money.effect import LedgerState
from domain.reading.sales import CrmAccount, Territory

LEAD_STEP = "lead"


def name_key(name: str) -> str:
    """Return a company's name as it is compared: folded, single blanks.

    >>> name_key(" Acme  GmbH ")
    'acme gmbh'
    """
    return " ".join(name.casefold().split())


class SqlCrm:
    """`Crm` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_crm_account(
        self, *, tenant: str, customer_id: str | None, sender_email: str | None, company: str | None
    ) -> CrmAccount | None:
        """Find the account of a sender: by customer, by the address's domain, by the company's name.

        What the records know beats what the sender says: a name in the text counts only where nothing else does.
        """
        with self._database.reading() as connection:
            return (
                _by_customer(connection, tenant, customer_id, sender_email)
                or _by_domain(connection, tenant, sender_email)
                or _by_name(connection, tenant, company)
            )

    def territories(self, tenant: str) -> list[Territory]:
        """Return who owns which leads."""
        wanted = (
            sa.select(territories)
            .where(territories.c.tenant == tenant)
            .order_by(territories.c.country, territories.c.min_employees)
        )
        with self._database.reading() as connection:
            return [
                Territory(country=r.country, min_employees=r.min_employees, owner=r.owner, team=r.team)
                for r in connection.execute(wanted)
            ]

    def lead_of(self, case_id: str) -> LeadOnRecord | None:
        """Return the lead that a case recorded, None if it has none."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(leads).where(leads.c.case_id == case_id)).mappings().one_or_none()
        if row is None:
            return None
        return LeadOnRecord.model_validate({**row, "facts": json.loads(row["facts"])})

    def note_on_lead(self, lead_of: str, case_id: str) -> None:
        """Note on a lead which further case of its conversation asked nothing new, once."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, f"lead:{lead_of}")
            known = connection.execute(sa.select(leads.c.facts).where(leads.c.case_id == lead_of)).scalar_one()
            facts = json.loads(known)
            if case_id not in facts.setdefault("answers", []):
                facts["answers"].append(case_id)
                written = json.dumps(facts, sort_keys=True)
                connection.execute(sa.update(leads).where(leads.c.case_id == lead_of).values(facts=written))

        self._database.writing(work)

    def record_lead(
        self,
        *,
        case_id: str,
        tenant: str,
        account_id: str | None,
        owner: str,
        team: str,
        score: int,
        facts: dict[str, object],
        at: datetime,
    ) -> EffectRecord:
        """Record the lead of a case once; a second call returns the first record. Its key is `{case_id}/lead`."""
        key = f"{case_id}/{LEAD_STEP}"

        def work(connection: Connection) -> EffectRecord:
            lead = {
                "case_id": case_id,
                "tenant": tenant,
                "account_id": account_id,
                "owner": owner,
                "team": team,
                "score": score,
                "facts": json.dumps(facts, sort_keys=True),
                "at": at,
            }
            if insert_first(connection, leads, lead):
                connection.execute(
                    sa.insert(effects).values(
                        key=key,
                        case_id=case_id,
                        step=LEAD_STEP,
                        kind=LEAD_STEP,
                        tenant=tenant,
                        state=LedgerState.EXECUTED,
                        intended_at=at,
                        executed_at=at,
                    )
                )
            return effect_record(connection.execute(sa.select(effects).where(effects.c.key == key)).mappings().one())

        return self._database.writing(work)


def _by_customer(
    connection: Connection, tenant: str, customer_id: str | None, sender_email: str | None
) -> CrmAccount | None:
    named = []
    if customer_id and "\0" not in customer_id:
        named.append(customers.c.customer_id == customer_id)
    if sender_email:
        named.append(customers.c.email_key == fold_address(sender_email))
    if not named:
        return None
    joined = sa.and_(crm_accounts.c.tenant == customers.c.tenant, crm_accounts.c.account_id == customers.c.account_id)
    wanted = (
        sa.select(crm_accounts)
        .distinct()
        .join(customers, joined)
        .where(customers.c.tenant == tenant, sa.or_(*named))
        .limit(2)
    )
    return _only(connection, wanted)


def _by_domain(connection: Connection, tenant: str, sender_email: str | None) -> CrmAccount | None:
    domain = fold_address((sender_email or "").rpartition("@")[2])
    if not domain:
        return None
    wanted = sa.select(crm_accounts).where(crm_accounts.c.tenant == tenant, crm_accounts.c.domain == domain).limit(2)
    return _only(connection, wanted)


def _by_name(connection: Connection, tenant: str, company: str | None) -> CrmAccount | None:
    key = name_key(company or "")
    if not key:
        return None
    wanted = sa.select(crm_accounts).where(crm_accounts.c.tenant == tenant, crm_accounts.c.name_key == key).limit(2)
    return _only(connection, wanted)


def _only(connection: Connection, wanted: sa.Select[tuple[object, ...]]) -> CrmAccount | None:
    """Return the one account that fits; of two nobody can say which is meant."""
    found = connection.execute(wanted).mappings().all()
    if len(found) != 1:
        return None
    row = found[0]
    return CrmAccount(
        account_id=row["account_id"],
        name=row["name"],
        country=row["country"],
        industry=row["industry"],
        employees=row["employees"],
        tier=row["tier"],
        owner=row["owner"],
    )
