"""Flask without the work of every request that a service of JSON answers never needs.

There is no session, no route depends on the host, an answer is whole in memory, and nearly always no function
is registered to run around a view. That work is a third of what Flask adds to a request. The same text in
auth-server and protected-api, held equal by a test.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, request_tearing_down
from flask.globals import request_ctx
from flask.sessions import NullSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.routing import MapAdapter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class NoSession(SecureCookieSessionInterface):
    """Gives every request the same session, which is empty and refuses to be changed."""

    _null = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002
        """Return the session."""
        return self._null


class WholeResponse(Response):
    """An answer that is sent as it stands, where Werkzeug would copy its headers to adjust them."""

    def get_wsgi_response(
        self, environ: "WSGIEnvironment"
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """Return body, status and headers; leave to Werkzeug an answer without a body or with a location."""
        headers = self.headers.to_wsgi_list()
        names = {name for name, _ in headers}
        as_it_stands = "Content-Length" in names and "Location" not in names and self.is_sequence
        has_body = self.status_code not in {204, 304} and environ["REQUEST_METHOD"] != "HEAD"
        if as_it_stands and has_body:
            return [self.get_data()], self.status, headers
        return super().get_wsgi_response(environ)


class LeanFlask(Flask):
    """A Flask app for synchronous views that answer JSON."""

    session_interface = NoSession()
    response_class = WholeResponse

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the routes of a request; raise SecurityError if its Host header is malformed."""
        if request is None or "HTTP_UPGRADE" in request.environ:  # a WebSocket would be refused
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            server_name=request.host,  # Werkzeug checks it here
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.environ.get("QUERY_STRING", ""),
        )

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Call what is registered to run before a view, if anything is; return its answer, or None."""
        if self.before_request_funcs or self.url_value_preprocessors:
            return super().preprocess_request()
        return None

    def process_response(self, response: Response) -> Response:
        """Return the answer as it stands, unless something is registered to run after a view."""
        by_the_view = request_ctx._after_request_functions  # with flask.after_this_request
        if self.after_request_funcs or by_the_view:
            return super().process_response(response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what is registered to run at the end of a request, if anything is."""
        if self.teardown_request_funcs or request_tearing_down.receivers:
            super().do_teardown_request(exc)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the view as it is: none is a coroutine."""
        return func
