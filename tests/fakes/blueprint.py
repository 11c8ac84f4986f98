"""The default blueprint, as tests use it where they are not about blueprints."""

from pathlib import Path

from activities.letters import Letters
from adapters.blueprints.folder import load_blueprint
from domain.reading.knowledge import Fitting

DEFAULT = Path(__file__).parents[2] / "blueprints" / "default"
BLUEPRINT = load_blueprint(DEFAULT)
LETTERS = Letters(BLUEPRINT)
WORDS = BLUEPRINT.words
FITTING = Fitting(WORDS.common)
