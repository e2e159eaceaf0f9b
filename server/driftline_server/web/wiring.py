"""From where the page is to what serves it."""

from collections.abc import Callable

from driftline_server.config import Settings
from driftline_server.notify.links import Links
from driftline_server.web.front import Front
from driftline_server.web.place import Place
from driftline_server.web.questions import Questions
from driftline_server.web.site import Site


def page_front(place: Place, settings: Settings, questions: Questions, links: Links, is_serving: Callable[[], bool]) -> Front:
    """The page of a server, with the limits of the settings."""
    site = Site(questions, links, prefix=place.prefix, hosts=place.hosts, is_serving=is_serving)
    return Front(site, place.listening, threads=settings.http_threads, connections_max=settings.http_connections_max)
