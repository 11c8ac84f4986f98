"""What became of a case's refunds that the payment provider called pending: the case itself has ended by then."""

from pathlib import Path

from commands.terminal.cli import settings_for


def settling_of(data_dir: Path, case_id: str) -> dict[str, object]:
    """Return the refunds of a case that were pending, under one name; nothing where there are none or no store is here.

    A store that does not answer is said to do so: all else of the case can be shown without it.
    """
    from domain.errors import TransientError
    from workers.bootstrap import Parts

    settings = settings_for(data_dir)
    if not settings.store_url and not (settings.data_dir / "store.db").exists():
        return {}
    parts = Parts(settings)
    try:
        found = parts.store.settling.of_case(case_id)
    except TransientError as error:
        return {"refunds_pending": f"not known: {error}"}
    finally:
        parts.close()
    return {"refunds_pending": [settled.model_dump(mode="json") for settled in found]} if found else {}
