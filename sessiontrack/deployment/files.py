"""The files of an installation: which there are, where they belong, what is in them.

`deploy/` of the repository shows them as they are with the defaults; `sessiontrack install` writes them with
its options. Both are made here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from jinja2 import Environment, PackageLoader, StrictUndefined

from sessiontrack.exceptions import InvalidInput
from sessiontrack.http.errors import error_body, status_body
from sessiontrack.process import instance
from sessiontrack.values.setting_texts import header_name

INSTANCE = PurePosixPath(instance.INSTALLED)
ETC = PurePosixPath("/etc/sessiontrack")
SYSTEMD = PurePosixPath("/etc/systemd/system")
NGINX = PurePosixPath("/etc/nginx")
# There where a package of the system has brought the units.
PACKAGED_UNIT = PurePosixPath("/usr/lib/systemd/system/sessiontrack.service")
# Its name sorts before override.conf, so that what `systemctl edit` wrote holds.
PACKAGED_PORT = SYSTEMD / "sessiontrack.service.d/10-port.conf"
SNIPPET = "snippets/sessiontrack.conf"
# What nginx may answer by itself, as what it is then answered: 494 to 497 are nginx's own numbers, and no
# input gets a 5xx.
ANSWERS = {
    400: 400,
    404: 404,
    405: 405,
    413: 413,
    414: 414,
    429: 429,
    494: 431,
    497: 400,
    500: 500,
    501: 400,
    502: 502,
    503: 503,
    504: 504,
    505: 400,
}
LOCAL = (400, 404, 413, 429, 500, 502, 503, 504)
UNREADABLE = (400, 405, 414, 494, 497, 501, 505)
HOST = re.compile(r"[A-Za-z0-9*](?:[A-Za-z0-9.*-]{0,252}[A-Za-z0-9])?|_")
# Nothing that nginx or systemd would read as more than a part of a path.
PATH = re.compile(r"/[A-Za-z0-9/._@+-]+")
PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True)
class Choices:
    """What differs from one installation to another.

    prefix: the sub-path, like "/sessiontrack", of a site that is there already; "" for a site of its own.
    http_listen, https_listen: as nginx's `listen` takes them.
    proxy_user_header: in which nginx names the user whom it has authenticated; "" for none.

    Raises:
        InvalidInput: a value cannot be what it should be.
    """

    command: str = "/usr/local/bin/sessiontrack"
    port: int = 8000
    prefix: str = ""
    server_name: str = "sessiontrack.example.org"
    certificate: str = "/etc/ssl/certs/sessiontrack.pem"
    certificate_key: str = "/etc/ssl/private/sessiontrack.key"
    http_listen: tuple[str, ...] = ("80", "[::]:80")
    https_listen: tuple[str, ...] = ("443", "[::]:443")
    proxy_user_header: str = ""
    radius_host: str = "0.0.0.0"
    snippet: str = SNIPPET

    def __post_init__(self) -> None:
        patterns: dict[str, re.Pattern[str]] = {
            "command": PATH,
            "certificate": PATH,
            "certificate_key": PATH,
            "server_name": HOST,
        }
        for name, pattern in patterns.items():
            if not pattern.fullmatch(getattr(self, name)):
                raise InvalidInput(f"{name.replace('_', ' ')} cannot be {getattr(self, name)!r}.")
        try:
            header_name(self.proxy_user_header)
        except ValueError as error:
            raise InvalidInput(f"The header {self.proxy_user_header!r} {error}.") from error
        if self.prefix and not PREFIX.fullmatch(self.prefix):
            raise InvalidInput(f"A sub-path looks like /sessiontrack, not {self.prefix!r}.")


@dataclass(frozen=True)
class File:
    """One file of an installation.

    shown: its place in `deploy/`; target: where it is installed, None where it is an example only.
    kept: it is a person's to change, so one that is there is left as it is.
    """

    shown: str
    template: str
    target: PurePosixPath | None
    kept: bool = False
    mode: int = 0o644
    wanted: Callable[[Choices], bool] = lambda choices: True

    def is_wanted(self, choices: Choices, *, packaged: bool) -> bool:
        """Whether it is installed; what is not nginx's comes with a package where there is one."""
        if self.target is None or (packaged and not self.target.is_relative_to(NGINX)):
            return False
        return self.wanted(choices)


_UNITS = (
    "sessiontrack.service",
    "sessiontrack-radius.service",
    "sessiontrack-network.service",
    "sessiontrack-scan@.service",
    "sessiontrack-backup.service",
    "sessiontrack-backup.timer",
    "sessiontrack-prune.service",
    "sessiontrack-prune.timer",
)
FILES = (
    File(
        "sysusers.d/sessiontrack.conf",
        "systemd/sysusers.conf",
        PurePosixPath("/etc/sysusers.d/sessiontrack.conf"),
    ),
    *(File(f"systemd/{name}", f"systemd/{name}", SYSTEMD / name) for name in _UNITS),
    File(
        "systemd/scan-arp.conf",
        "systemd/scan-arp.conf",
        ETC / "scans/arp.conf",
        kept=True,
    ),
    File("nginx/http.conf", "nginx/http.conf", NGINX / "conf.d/sessiontrack.conf"),
    File("nginx/locations.conf", "nginx/locations.conf", NGINX / SNIPPET),
    File(
        "nginx/site.conf",
        "nginx/site.conf",
        NGINX / "sites-available/sessiontrack",
        wanted=lambda choices: not choices.prefix,
    ),
    File("settings.toml", "settings.toml", INSTANCE / "sessiontrack.toml", kept=True, mode=0o600),
    File("prometheus/scrape.yml", "prometheus/scrape.yml", None),
    File("prometheus/alerts.yml", "prometheus/alerts.yml", None),
    File("grafana/dashboard.json", "grafana/dashboard.json", None),
)
_OF_A_PACKAGE = File(
    "",
    "systemd/packaged-port.conf",
    PACKAGED_PORT,
    wanted=lambda choices: choices.port != Choices.port,
)


def files_wanted(choices: Choices, *, packaged: bool) -> list[File]:
    """What is installed: everything, or beside a package nginx's files and what its unit has otherwise."""
    found = [each for each in FILES if each.is_wanted(choices, packaged=packaged)]
    return [*found, _OF_A_PACKAGE] if packaged and _OF_A_PACKAGE.wanted(choices) else found


def render(template: str, choices: Choices) -> str:
    """A template with those choices."""
    return (
        _environment()
        .get_template(template)
        .render(
            **vars(choices),
            instance=INSTANCE,
            statuses=LOCAL,
            unreadable=UNREADABLE,
            answers=ANSWERS,
            body=_body,
            tls_body=error_body("forbidden", "Use https: what is sent here can be read by others.").decode(),
        )
    )


def shown(choices: Choices | None = None) -> Mapping[str, str]:
    """What `deploy/` holds: every file with the defaults, and the locations once more under a sub-path."""
    plain = choices or Choices()
    found = {each.shown: render(each.template, plain) for each in FILES}
    below = Choices(prefix="/sessiontrack")
    return {**found, "nginx/locations-subpath.conf": render("nginx/locations.conf", below)}


def _body(status: int) -> str:
    return status_body(status).decode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("sessiontrack.deployment"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_shown(folder: Path) -> None:
    """Write `deploy/` anew."""
    for name, text in shown().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
