"""Templates of a blueprint: Jinja in a sandbox, for plain text; the values in them are shown, never run."""

import traceback

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

# What a template may raise when it is rendered: its own mistakes, and those of the operators and filters in it.
RENDER_ERRORS = (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError)


def sandbox() -> ImmutableSandboxedEnvironment:
    """Return an environment in which a template sees the values that it is given and nothing else."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.globals.clear()
    return environment


def line_in_template(error: BaseException) -> int | None:
    """Return the line of the template, from 1, at which rendering stopped; None if it cannot be told."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return lines[-1] if lines else None
