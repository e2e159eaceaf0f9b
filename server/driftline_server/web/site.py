"""Which page answers which address, as a WSGI application: it reads only, and what goes with every answer stands here."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog

from driftline_core.errors import CoreError, FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, Unavailable
from driftline_server.notify.links import Links
from driftline_server.owner import Closed
from driftline_server.web.asked import page_of, parameters, span_of
from driftline_server.web.document import document
from driftline_server.web.frame import whole
from driftline_server.web.markup import element
from driftline_server.web.names import is_meant
from driftline_server.web.overview import overview_page
from driftline_server.web.questions import ENDPOINTS_A_PAGE, Questions
from driftline_server.web.report import report_page

log = structlog.get_logger(__name__)

HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATUSES: Mapping[type[Exception], HTTPStatus] = {
    InvalidInput: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    FailedPrecondition: HTTPStatus.CONFLICT,
    ResourceExhausted: HTTPStatus.SERVICE_UNAVAILABLE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Closed: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its path below the prefix, the query, the formats that are accepted."""

    path: str
    query: str
    accept: str

    @property
    def root(self) -> str:
        """The relative way to the first page, whatever stands before the path outside."""
        return "../" * (self.path.count("/") - 1) or "./"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    body: str
    kind: str = HTML
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """The pages of a server. `hosts` are the names it answers to besides loopback's, None for all; `is_serving` is its health."""

    def __init__(
        self,
        questions: Questions,
        links: Links,
        *,
        prefix: str,
        hosts: frozenset[str] | None,
        is_serving: Callable[[], bool],
    ) -> None:
        self._questions = questions
        self._links = links
        self._prefix = prefix
        self._hosts = hosts
        self._is_serving = is_serving

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        asked = Asked(self._below(path), environ["QUERY_STRING"], environ.get("HTTP_ACCEPT", ""))
        answer = self._refused(environ) or self._answered(asked)
        body = answer.body.encode("utf-8", "replace")
        given = {"Content-Type": answer.kind, "Content-Length": str(len(body)), **HEADERS, **answer.headers}
        start_response(f"{answer.status.value} {answer.status.phrase}", list(given.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _below(self, path: str) -> str:
        """A path as this server names it: a proxy may pass the prefix on or take it off."""
        return path.removeprefix(self._prefix) if path.startswith(f"{self._prefix}/") else path

    def _refused(self, environ: Mapping[str, Any]) -> Answer | None:
        if self._hosts is not None and not is_meant(environ.get("HTTP_HOST", ""), self._hosts):
            reason = "this page is not served under that name; to have it served under a name of yours, set public_url"
            return _problem(HTTPStatus.MISDIRECTED_REQUEST, reason, "./")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            problem = _problem(HTTPStatus.METHOD_NOT_ALLOWED, "these pages can be read, and nothing else: use GET", "./")
            return Answer(problem.body, status=problem.status, headers={"Allow": "GET, HEAD"})
        return None

    def _answered(self, asked: Asked) -> Answer:
        try:
            return self._page(asked)
        except (CoreError, Closed) as error:
            status = STATUSES.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
            reason = error.reason if isinstance(error, CoreError) else str(error)
        except Exception as error:
            log.exception("a page failed", error=repr(error))
            status, reason = HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed on this page; its log says why"
        if _wants_json(asked):
            return Answer(json.dumps({"error": reason}) + "\n", JSON, status)
        return _problem(status, reason, asked.root)

    def _page(self, asked: Asked) -> Answer:
        if asked.path == "/":
            return Answer(self._overview(asked))
        if self._prefix and asked.path == self._prefix:
            return Answer("", status=HTTPStatus.PERMANENT_REDIRECT, headers={"Location": f"{self._prefix}/"})
        if asked.path == "/healthz":
            if self._is_serving():
                return Answer("serving\n", TEXT)
            return Answer("not serving\n", TEXT, HTTPStatus.SERVICE_UNAVAILABLE)
        if asked.path.startswith("/report/"):
            return self._report(asked)
        raise NotFound("there is no such page; there are the endpoints, /, and their reports, /report/NAME")

    def _overview(self, asked: Asked) -> str:
        endpoints = self._questions.endpoints()
        pages = -(-len(endpoints) // ENDPOINTS_A_PAGE)
        page = page_of(parameters(asked.query, ("page",)), pages)
        shown = endpoints[(page - 1) * ENDPOINTS_A_PAGE : page * ENDPOINTS_A_PAGE]
        return overview_page(self._questions.standings(shown), count=len(endpoints), page=page, pages=pages)

    def _report(self, asked: Asked) -> Answer:
        given = parameters(asked.query, ("window", "start", "end", "format"))
        if given.get("format", "html") not in ("html", "json"):
            raise InvalidInput("format is html or json", field="format")
        seen = self._questions.report(asked.path.removeprefix("/report/"), span_of(given))
        return Answer(document(seen), JSON) if _wants_json(asked) else Answer(report_page(seen, self._links, root=asked.root))


def _wants_json(asked: Asked) -> bool:
    """By its address or, where that says nothing, by a header that names JSON and no page."""
    if "format=" in asked.query:
        return "format=json" in asked.query.split("&")
    return "application/json" in asked.accept and "html" not in asked.accept


def _problem(status: HTTPStatus, reason: str, root: str) -> Answer:
    return Answer(whole(status.phrase, element("h1", status.phrase), element("p", reason), root=root), status=status)
