"""Triggers by which the database itself keeps the books: entries are only added, an executed effect stays as it is."""

from alembic import op

_TRAIL_STAYS = "rows of the trail of approvals are only ever added"
_NO_CHANGE = "entries are only ever added: book a correction instead"
_EXECUTED_STAYS = "an executed effect stays as it is"


def protect_entries() -> None:
    """Refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE of `entries`."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER entries_no_{verb.lower()} BEFORE {verb} ON entries "
                f"BEGIN SELECT RAISE(ABORT, '{_NO_CHANGE}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION headgate_entries_stay() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_NO_CHANGE}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entries "
        "FOR EACH ROW EXECUTE FUNCTION headgate_entries_stay()"
    )
    op.execute(
        "CREATE TRIGGER entries_not_emptied BEFORE TRUNCATE ON entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION headgate_entries_stay()"
    )


def protect_effects() -> None:
    """Refuse UPDATE and DELETE of executed effects."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER effects_executed_no_{verb.lower()} BEFORE {verb} ON effects "
                f"WHEN OLD.state = 'executed' BEGIN SELECT RAISE(ABORT, '{_EXECUTED_STAYS}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION headgate_executed_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_EXECUTED_STAYS}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER effects_executed_stay BEFORE UPDATE OR DELETE ON effects FOR EACH ROW "
        "WHEN (OLD.state = 'executed') EXECUTE FUNCTION headgate_executed_stays()"
    )


def protect_trail() -> None:
    """Refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE of `approval_trail`."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER approval_trail_no_{verb.lower()} BEFORE {verb} ON approval_trail "
                f"BEGIN SELECT RAISE(ABORT, '{_TRAIL_STAYS}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION headgate_trail_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_TRAIL_STAYS}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for name, when in (("stays", "UPDATE OR DELETE"), ("not_emptied", "TRUNCATE")):
        each = "ROW" if name == "stays" else "STATEMENT"
        op.execute(
            f"CREATE TRIGGER approval_trail_{name} BEFORE {when} ON approval_trail "
            f"FOR EACH {each} EXECUTE FUNCTION headgate_trail_stays()"
        )
