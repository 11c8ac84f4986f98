"""A provider is asked whether it has a model; only its plain no keeps anything from starting."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest

from adapters.models.listing import ask_for_models
from commands.doctor.configured import check_models
from domain.blueprint import ModelChoice
from domain.cascade.known import Known, ModelKnown, require_known
from domain.errors import ConfigurationError

Provider = Literal["openai", "anthropic"]
both = pytest.mark.parametrize("provider", ["openai", "anthropic"])


def choice(provider: Provider, url: str, model: str = "m-1") -> ModelChoice:
    base_url = url if provider == "anthropic" else f"{url}/v1"
    return ModelChoice(provider=provider, model=model, base_url=base_url)


async def ask(provider: Provider, url: str, model: str = "m-1", limit_s: float = 5.0) -> ModelKnown:
    [known] = await ask_for_models([choice(provider, url, model)], lambda _: "", limit_s)
    return known


@contextmanager
def server(answers: dict[str, tuple[int, str]], *, hangs: bool = False) -> Iterator[str]:
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if hangs:
                ended.wait(20)
            status, body = answers.get(self.path.split("?")[0], (404, "{}"))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        ended.set()
        running.shutdown()
        thread.join()
        running.server_close()


def listing(*ids: str) -> str:
    data = [{"id": i, "object": "model", "type": "model", "created": 0, "owned_by": "x"} for i in ids]
    return json.dumps({"object": "list", "data": data, "has_more": False})


@both
async def test_the_offline_model_knows_its_own_name_and_no_other(provider: Provider, offline: str) -> None:
    assert (await ask(provider, offline, "embedded-router-1")).known is Known.YES
    other = await ask(provider, offline, "embedded-router-2")
    assert other.known is Known.NO
    assert "it has embedded-router-1" in other.said
    with pytest.raises(ConfigurationError, match="embedded-router-2"):
        require_known([other])


@both
async def test_an_alias_is_in_no_list_and_yet_known(provider: Provider) -> None:
    one = json.dumps({"id": "m-1-20261101", "type": "model", "object": "model", "created": 0, "owned_by": "x"})
    with server({"/v1/models": (200, listing("m-1-20261101")), "/v1/models/m-1": (200, one)}) as url:
        assert (await ask(provider, url)).known is Known.YES


@both
@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_opens_no_list_is_a_fault_for_the_doctor_and_not_for_a_start(
    provider: Provider, status: int
) -> None:
    with server({"/v1/models": (status, "{}")}) as url:
        known = await ask(provider, url)
        [finding] = await check_models([choice(provider, url)])
    assert known.known is Known.REFUSED
    assert (finding.ok, finding.remedy) == (False, "the key may be wrong, or may not see models: set the right one")
    require_known([known])


@both
@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/v1/models": (500, "{}")},
        {"/v1/models": (501, "no")},
        {"/v1/models": (200, "<html>welcome</html>")},
        {"/v1/models": (200, "[]")},
        {"/v1/models": (200, '{"data": null}')},
        {"/v1/models": (200, '{"data": [7]}')},
        {"/v1/models": (200, '{"data": []}')},
        {"/v1/models": (200, listing("other")), "/v1/models/m-1": (503, "{}")},
    ],
)
async def test_who_cannot_tell_keeps_nobody_from_starting(
    provider: Provider, answers: dict[str, tuple[int, str]]
) -> None:
    with server(answers) as url:
        known = await ask(provider, url)
        [finding] = await check_models([choice(provider, url)])
    assert (known.known, finding.ok) == (Known.UNTOLD, None)
    assert known.said.startswith("cannot tell: ")
    require_known([known])


@both
async def test_nobody_waits_for_a_provider_that_is_silent_or_away(provider: Provider) -> None:
    with server({}, hangs=True) as url:
        silent = await ask(provider, url, limit_s=0.3)
    away = await ask(provider, "http://127.0.0.1:9")
    assert (silent.known, away.known) == (Known.UNTOLD, Known.UNTOLD)


async def test_without_a_key_nobody_is_asked_and_our_own_stand_in_neither() -> None:
    hosted = ModelChoice(provider="openai", model="gpt-5.4")
    stand_in = ModelChoice(provider="offline", model="embedded-router-1")
    [known] = await ask_for_models([hosted, hosted, stand_in], lambda _: "")
    assert (known.known, known.said) == (Known.UNTOLD, "not asked, its key is not set")
