"""The examples in the domain's docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import domain

FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples_of(module: str) -> list[doctest.DocTest]:
    return [test for test in FINDER.find(importlib.import_module(module)) if test.examples]


FOUND = {m.name: tests for m in pkgutil.walk_packages(domain.__path__, "domain.") if (tests := examples_of(m.name))}


def test_examples_are_found_where_they_stand() -> None:
    assert {
        "domain.money.amount",
        "domain.routing",
        "domain.deadletter",
        "domain.money.refund",
        "domain.case_details",
    } <= FOUND.keys()
    assert sum(len(tests) for tests in FOUND.values()) >= 20


@pytest.mark.parametrize("module", FOUND)
def test_examples_are_true(module: str) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner()
    for test in FOUND[module]:
        runner.run(test, out=report.append, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
    assert runner.tries > 0


def test_an_example_that_is_wrong_would_be_seen() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert doctest.DocTestRunner().run(wrong, out=lambda _: None).failed == 1
