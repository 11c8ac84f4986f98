"""Triggers by which the database itself keeps the books: entries are only added, an executed effect stays as it is."""

from alembic import op

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
