"""`make pin-images`, against a registry on this machine that asks for a token as public registries do."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from requirements.pin_base_images import DOCKERFILES, digest_of, pinned
from tests.template import ROOT

DIGEST = f"sha256:{'0a' * 32}"


class Registry(BaseHTTPRequestHandler):
    """Holds team/base:1.0, and gives its digest to who has a token."""

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/token?service=here&scope=pull" else 404, body=json.dumps({"token": "t"}))

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != "Bearer t":
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="here",scope="pull"'
            self._answer(401, {"WWW-Authenticate": realm})
        elif self.path == "/v2/team/base/manifests/1.0" and "image.index" in self.headers["Accept"]:
            self._answer(200, {"Docker-Content-Digest": DIGEST})
        elif self.path == "/v2/team/base/manifests/odd":
            self._answer(200, {"Docker-Content-Digest": "md5:1"})
        else:
            self._answer(404)

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: str = "") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_tag_gets_its_digest_and_an_old_digest_is_replaced(registry: str) -> None:
    line = f"ARG BASE_IMAGE={registry}/team/base:1.0"
    for before in (line, f"{line}@sha256:{'f' * 64}"):
        text = pinned(f"# Base\n{before}\nFROM ${{BASE_IMAGE}}\n", scheme="http")
        assert text == f"# Base\n{line}@{DIGEST}\nFROM ${{BASE_IMAGE}}\n"


def test_another_answer_is_refused(registry: str) -> None:
    with pytest.raises(ValueError, match="'md5:1', which is not sha256"):
        digest_of(f"{registry}/team/base:odd", scheme="http")
    with pytest.raises(OSError, match="404"):
        digest_of(f"{registry}/team/base:2.0", scheme="http")
    with pytest.raises(ValueError, match="no line ARG BASE_IMAGE"):
        pinned("FROM debian\n")


def test_every_dockerfile_that_is_shipped_is_pinned_so() -> None:
    listed = subprocess.run(["git", "ls-files", "*Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=True)
    shipped = {ROOT / name for name in listed.stdout.split() if "tests/" not in name}
    assert shipped == set(DOCKERFILES)
    for path in DOCKERFILES:
        bases = set(re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE))
        stages = set(re.findall(r"^FROM \S+ AS (\S+)", path.read_text(), re.MULTILINE))
        assert bases - stages == {"${BASE_IMAGE}"}, path
        assert re.search(r"^ARG BASE_IMAGE=[^@\s]+@sha256:[0-9a-f]{64}$", path.read_text(), re.MULTILINE), path
