"""The web UI's pages, `/ui/...`: a shell around a custom element, which asks the API for what it shows.

A page reads nothing but who is signed in, and whether the first admin may.
"""

import mimetypes
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from sessiontrack.blueprints.embedding import frame_ancestors, x_frame_options
from sessiontrack.database import read_transaction
from sessiontrack.exceptions import Forbidden, SessiontrackError, Unauthorized, UnknownProxyUser
from sessiontrack.http.authentication import Principal, identify
from sessiontrack.http.endpoint import mac_in_path, settings, sign_in_first
from sessiontrack.process.instance import PASSWORD_FILE
from sessiontrack.process.own_command import own_command
from sessiontrack.services.users import FIRST_ADMIN, is_enabled
from sessiontrack.values.roles import includes
from sessiontrack.version import VERSION
from sessiontrack.web.bundle import Bundle, BundleMissing, Entry
from sessiontrack.web.catalogues import LANGUAGES, translate
from sessiontrack.web.icons import icon
from sessiontrack.web.pages import PAGES, Page, navigation

blueprint = Blueprint("web", __name__, template_folder="../web/templates")
bundle = Bundle()
HOMES = ("", "/", "/ui", "/ui/")
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "sessiontrack_theme"
LANGUAGE_COOKIE = "sessiontrack_language"
YEAR_SECONDS = 31_536_000
NOBODYS_FRAME = "frame-ancestors 'none'"
# Files that pages of other sites load; their names never change, since other products contain them.
EMBEDDED_SCRIPTS = ("embed.js", "tracker.js", "tracker.classic.js")
WIDGET_TITLES = {"now": "nav.now", "timeline": "nav.presence", "people": "now.people"}
EMBEDDED_SECONDS = 300
# Nothing but this server's own files: no inline script, no inline style, no frame around it.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        NOBODYS_FRAME,
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # The same address shows another page to another person, and in another language.
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie, Accept-Language",
}
# Errors that a page of their own explains; others are explained as one of these.
EXPLAINED = (403, 404, 500, 503)


@blueprint.get("/", strict_slashes=False)
@blueprint.get("/ui", strict_slashes=False)
def home() -> BaseResponse:
    """The first page"""
    if request.environ["PATH_INFO"] not in HOMES:
        # A doubled slash is another address; request.path has lost it.
        raise NotFound
    return redirect(url_for(f"web.{PAGES[0].name}"))


@blueprint.get("/ui/login")
def login() -> BaseResponse:
    """Where to sign in"""
    target = safe_next(request.args.get("next", ""))
    if _signed_in() is not None:
        return redirect(request.script_root + target)
    file = settings().instance / PASSWORD_FILE
    return _page(
        "login.html",
        entry="pages/login",
        catalogues=("common", "login"),
        next=target,
        first_password=f"{file.parent.name}/{file.name}" if file.exists() and _has_first_admin() else None,
    )


def _has_first_admin() -> bool:
    with read_transaction() as tx:
        return is_enabled(tx, FIRST_ADMIN)


@blueprint.get("/embed/<any(now, timeline, people):widget>")
def embed(widget: str) -> BaseResponse:
    """A widget alone, for a frame; its token is in the fragment, which does not come here"""
    response = _page("embed.html", widget=widget, title=WIDGET_TITLES[widget])
    policy = CONTENT_SECURITY_POLICY.replace(NOBODYS_FRAME, frame_ancestors(request.path))
    response.headers["Content-Security-Policy"] = policy
    if x_frame_options(request.path) is None:
        del response.headers["X-Frame-Options"]
    # The page does not depend on its reader: the widget calls the API with its own token alone.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/static/<path:name>")
def static(name: str) -> BaseResponse:
    """A file of the bundle; one whose name says what is in it may be kept for good"""
    try:
        is_hashed = bundle.has_hashed_name(name)
        content = bundle.read(name)
    except OSError as error:
        raise NotFound from error
    response = Response(content, mimetype=mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = (
        f"public, max-age={YEAR_SECONDS}, immutable" if is_hashed else "no-cache"
    )
    if name in EMBEDDED_SCRIPTS:
        response.headers["Cache-Control"] = f"public, max-age={EMBEDDED_SECONDS}"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.add_etag()
    return response.make_conditional(request)


def _show(page: Page, **parts: str) -> BaseResponse:
    """A page of the table, or the way to sign in."""
    if "mac" in parts:
        mac_in_path(parts["mac"])
    principal = _signed_in()
    if principal is None:
        target = request.full_path.removesuffix("?")
        return redirect(f"{url_for('web.login')}?next={quote(target, safe='/')}")
    if not includes(principal.role, page.role):
        raise Forbidden(f"This page needs the role {page.role}.")
    return _page(
        "page.html",
        entry=f"pages/{page.name}",
        catalogues=("common", page.texts, *page.also),
        page=page,
        parts=parts,
        principal=principal,
        navigation=navigation(principal.role),
        command=own_command(),
    )


def safe_next(target: str) -> str:
    """Where to go after signing in: an address of the web UI on this server, else its first page."""
    is_plain = target.isprintable() and "\\" not in target
    return (
        target if is_plain and target.startswith("/ui/") and "//" not in target.partition("?")[0] else "/ui/"
    )


def _signed_in() -> Principal | None:
    """The page's reader; a login whose access token has expired counts, since the browser renews it."""
    with read_transaction() as tx:
        for kind in ("access", "refresh"):
            try:
                return identify(tx, request, g.now, kind=kind)
            except UnknownProxyUser:
                break
            except Unauthorized:
                continue
        else:
            return None
    return sign_in_first("access")


def _known_reader() -> Principal | None:
    """The reader of an error page, if known."""
    if "now" not in g:
        return None
    try:
        return _signed_in()
    except SessiontrackError:
        return None


def _page(template: str, status: int = 200, *, entry: str = "main", **values: Any) -> Response:
    """A page in the language and the theme that its reader has chosen."""
    language, theme = _language(), request.cookies.get(THEME_COOKIE, "")
    try:
        entries = [bundle.entry(name) for name in dict.fromkeys(("main", entry))]
        values |= {"style": bundle.entry("style").file, "favicon": bundle.entry("icon").file}
        named = values.pop("catalogues", ("common",))
        values["catalogue_files"] = [bundle.entry(f"catalogues/{language}/{name}").file for name in named]
    except BundleMissing:
        template, status, entries = "missing_bundle.html", ServiceUnavailable.code, []
    text = render_template(
        template,
        entries=entries,
        preloads=_preloads(entries),
        language=language,
        languages=LANGUAGES,
        theme=theme if theme in THEMES else "auto",
        themes=THEMES,
        version=VERSION,
        timezone=settings().timezone.name,
        t=partial(translate, language),
        icon=icon,
        **values,
    )
    response = make_response(text, status)
    response.headers.update(PAGE_HEADERS)
    return response


def _preloads(entries: list[Entry]) -> list[str]:
    return list(dict.fromkeys(file for entry in entries for file in entry.needs))


def _language() -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    wanted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((each for each in wanted if each in LANGUAGES), next(iter(LANGUAGES)))


def _explain(response: Response) -> Response:
    """An error, as errors.py answers it, as a page for browsers."""
    if response.status_code < 400 or response.mimetype != "application/json" or not _is_navigation():
        return response
    status = response.status_code
    shown = status if status in EXPLAINED else 404 if status < 500 else 500
    principal = _known_reader() if status in (403, 404) else None
    entries = navigation(principal.role) if principal else []
    page = _page("error.html", status, shown=shown, principal=principal, navigation=entries)
    page.headers.update((k, v) for k, v in response.headers if k in ("Retry-After", "Allow"))
    return page


def _is_navigation() -> bool:
    """Whether a browser shows the answer as a page: never so for a call of the API."""
    if request.method not in ("GET", "HEAD") or "text/html" not in request.accept_mimetypes.values():
        return False
    if request.blueprint == blueprint.name or request.path.startswith("/ui/"):
        return request.endpoint != "web.static"
    return request.url_rule is None and request.headers.get("Sec-Fetch-Dest") == "document"


@blueprint.record
def _add_pages(state: BlueprintSetupState) -> None:
    for page in PAGES:
        state.add_url_rule(f"/ui{page.path}", page.name, partial(_show, page), methods=["GET"])


def init_app(app: Flask) -> None:
    """Add the web UI."""
    app.register_blueprint(blueprint)
    app.after_request(_explain)
