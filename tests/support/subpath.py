"""A reverse proxy that serves one server below a sub-path, as nginx with X-Forwarded-Prefix does."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.waiting import SECONDS

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"}


class SubPathProxy:
    """A context manager; paths outside of the sub-path are 404."""

    def __init__(self, port: int, prefix: str) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(port, prefix))
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}{prefix}"

    def __enter__(self) -> "SubPathProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(port: int, prefix: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix(prefix)
            if not self.path.startswith(f"{prefix}/"):
                self._answer(404, [], b"")
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            headers |= {
                "X-Forwarded-For": self.client_address[0],
                "X-Forwarded-Proto": "http",
                "X-Forwarded-Host": self.headers["Host"],
                "X-Forwarded-Prefix": prefix,
            }
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            try:
                connection.request(self.command, path, body or None, headers)
                answer = connection.getresponse()
                self._answer(answer.status, answer.getheaders(), answer.read())
            finally:
                connection.close()

        do_POST = do_PATCH = do_DELETE = do_GET

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
