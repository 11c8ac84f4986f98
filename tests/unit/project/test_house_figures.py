"""The house stays easy to walk through: short files, short functions, folders that can be taken in at a glance."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
ROOMS = (
    "domain", "ports", "activities", "workflows", "adapters", "client", "gateway", "workers", "commands", "bench",
)  # fmt: skip
LONGEST_FILE = 400
LONG_FILE = 250  # nine files of ten are no longer
LONG_FUNCTION = 40  # one function of a hundred may be longer
FULL_FOLDER = 15
GROWS = "adapters/store/migrations/versions"  # one file for each change, by number: looked up, never walked through
TEST_SHARE = 0.8  # lines of test code for each line of the product's


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (PROJECT / folder).rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a file with their lines, without decorators and docstring."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            said = ast.get_docstring(node, clean=False)
            length = node.end_lineno - node.lineno + 1 - (len(said.splitlines()) if said else 0)
            yield f"{path.relative_to(PROJECT)}:{node.name}", length


def test_no_file_is_too_long_and_most_are_short() -> None:
    lengths = {str(path.relative_to(PROJECT)): lines(path) for path in files(*ROOMS, "tests", "scripts")}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}
    product = sorted(n for name, n in lengths.items() if name.split("/")[0] in ROOMS)
    assert product[int(len(product) * 0.9)] <= LONG_FILE


def test_functions_are_short() -> None:
    found = [function for path in files(*ROOMS) for function in functions(path)]
    long = [function for function in found if function[1] > LONG_FUNCTION]
    assert len(found) > 1_000
    assert len(long) / len(found) <= 0.01, long


def test_no_folder_is_too_full() -> None:
    beside = Counter(str(path.parent.relative_to(PROJECT)) for path in files(*ROOMS, "tests", "scripts"))
    assert {folder: n for folder, n in beside.items() if n > FULL_FOLDER and folder != GROWS} == {}


def code_lines(path: Path) -> int:
    """Count the lines that say something to Python: no blank ones, no comments, no docstrings."""
    text = path.read_text("utf-8")
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and first.end_lineno is not None:
                told.update(range(first.lineno, first.end_lineno + 1))
    numbered = enumerate(text.splitlines(), 1)
    return sum(n not in told and bool(line.strip()) and not line.lstrip().startswith("#") for n, line in numbered)


def test_tests_keep_up_with_the_product() -> None:
    assert sum(map(code_lines, files("tests"))) >= TEST_SHARE * sum(map(code_lines, files(*ROOMS, "scripts")))
