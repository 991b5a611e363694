"""What every answer tells browsers and proxies: not to guess, not to frame, not to keep what is somebody's.

Whoever answers with headers of its own keeps them; these are for the others.
"""

from flask import Flask, Response, g, request

# Nothing in a JSON answer is to be loaded, run or framed, whatever a browser takes it for.
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HSTS = "max-age=31536000"


def _add(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    # Who frames a page is that page's own to say: browsers would still look at X-Frame-Options beside it.
    if "Content-Security-Policy" not in headers:
        headers["Content-Security-Policy"] = POLICY
        headers.setdefault("X-Frame-Options", "DENY")
    if response.mimetype == "application/json":
        # Scripts and styles may be loaded by the pages that embed them.
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    # What was answered to somebody may be kept to be asked for again (ETag), and only by that browser.
    headers.setdefault("Cache-Control", "private, no-cache" if "principal" in g else "no-store")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", HSTS)
    if request.method == "OPTIONS" and response.status_code == 200:
        # Flask answers with an empty page; there is nothing to say but the headers.
        response.status_code = 204
        del headers["Content-Type"]
        headers.pop("Content-Length", None)
    return response


def init_app(app: Flask) -> None:
    """Registered first, so that it sees what all others have made of an answer."""
    app.after_request(_add)
