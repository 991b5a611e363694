"""The settings: one table of name, type, default and meaning.

Sources in rising precedence: defaults, `sessiontrack.toml` in the instance folder, the environment
(`SESSIONTRACK_<NAME>`), the arguments of create_app.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sessiontrack.exceptions import InvalidPeriod, InvalidSetting
from sessiontrack.process import instance
from sessiontrack.process.whole_file import user_name
from sessiontrack.values import setting_texts as read
from sessiontrack.values.periods import Period, parse_period
from sessiontrack.values.roles import ROLES, VIEWER
from sessiontrack.values.setting_texts import ClientSecrets, Hosts, Networks
from sessiontrack.values.timestamps import SiteTime

if TYPE_CHECKING:
    from flask import Flask

PREFIX = "SESSIONTRACK_"
# Variables of commands that speak to another sessiontrack or for a source; no settings of this install.
CLIENT_VARIABLES = (f"{PREFIX}URL", f"{PREFIX}TOKEN", f"{PREFIX}SOURCE")
FILE_NAME = "sessiontrack.toml"
Value = TypeVar("Value")


def setting(default: str, read: Callable[[str], Value], meaning: str, *, is_secret: bool = False) -> Value:
    """A row of the table: the default as text, the function that reads it, and the meaning.

    A secret value is never shown, not even if it is invalid; an error of `read` must not contain it either.
    """
    made: Value = field(
        default=read(default),
        repr=not is_secret,
        metadata={"default": default, "read": read, "meaning": meaning, "is_secret": is_secret},
    )
    return made


@dataclass(frozen=True)
class Settings:
    """This install's settings, read and checked."""

    instance: Path = setting(
        "./instance", read.folder, "Folder of the database, the keys and the settings file."
    )
    database_url: str = setting(
        "sqlite:///sessiontrack.sqlite3",
        read.plain,
        "The database; a relative path starts in the instance folder. For PostgreSQL see its page.",
    )
    read_database_url: str = setting(
        "",
        read.plain,
        "Read-only PostgreSQL replica; used only once it has caught up with the client's own writes.",
    )
    timezone: SiteTime = setting(
        "UTC", SiteTime, "Site time zone, for reading naive times and for writing formatted times."
    )
    admin_password: str = setting(
        "",
        read.plain,
        "Password of the account `admin`, which the first start creates; random if not set.",
        is_secret=True,
    )
    session_alive_seconds: int = setting(
        "300",
        read.seconds(1, 86_400),
        "A user session is active while its last ping is younger than this.",
    )
    user_sessions_visible: str = setting(
        "all",
        read.one_of("all", "own"),
        "Which user sessions non-admins see: all, or only their own.",
    )
    trusted_proxies: Networks = setting(
        "",
        read.networks,
        "Addresses or networks of reverse proxies whose `X-Forwarded-*` headers are trusted.",
    )
    trusted_hosts: Hosts = setting(
        "",
        read.hosts,
        "Accepted host names; `.example.org` includes its subdomains. Empty accepts all.",
    )
    auth_proxy_header: str = setting(
        "",
        read.header_name,
        "Header in which a trusted proxy names the authenticated user, like `X-Remote-User`.",
    )
    auth_proxy_role: str = setting(
        VIEWER, read.one_of(*ROLES), "Role of a user that the proxy names for the first time."
    )
    access_token_seconds: int = setting("900", read.seconds(10, 86_400), "How long an access token is valid.")
    refresh_token_seconds: int = setting(
        "2592000",
        read.seconds(60, 31_536_000),
        "How long a refresh token is valid, and so a login that is not refreshed.",
    )
    login_lifetime_seconds: int = setting(
        "7776000",
        read.seconds(60, 315_360_000),
        "How long a login lasts, even if refreshed; then the user enters the password again.",
    )
    login_attempts_per_name: int = setting(
        "10", read.whole(1, 10_000), "Failed logins for one name before it must wait."
    )
    login_attempts_per_address: int = setting(
        "30", read.whole(1, 10_000), "Failed logins from one address before it must wait."
    )
    login_window_seconds: int = setting(
        "300",
        read.seconds(1, 86_400),
        "Period in which failed logins are counted, and the longest wait.",
    )
    sqlite_synchronous: str = setting(
        "FULL",
        read.one_of("NORMAL", "FULL", "EXTRA"),
        "SQLite's `synchronous`; NORMAL is faster but loses the last writes in a power failure.",
    )
    busy_timeout_seconds: int = setting(
        "5",
        read.seconds(1, 600),
        "How long a request waits for the database before the answer is 503.",
    )
    read_timeout_seconds: int = setting(
        "30",
        read.seconds(1, 3600),
        "How long a request may read before it is answered 503 query_too_slow; whole lists are not limited.",
    )
    presence_grace: int = setting(
        "10 minutes",
        read.length,
        "Grace time: a device missing from complete scans for longer has left.",
    )
    presence_late: int = setting(
        "7 days", read.length, "How old evidence of presence may be; older evidence is refused."
    )
    presence_least_percent: int = setting(
        "20",
        read.whole(0, 100),
        "A complete scan with a smaller share of its source's devices is suspicious: no evidence of absence.",
    )
    wait_for_clock: str = setting(
        "on",
        read.one_of("on", "off"),
        "Whether a clock that cannot be right, before what was recorded or far ahead, keeps from recording.",
    )
    clock_jump_wait: int = setting(
        "1 hour",
        read.length,
        "When a jump ahead of more than a day is believed without a time source.",
    )
    flapping_connections: int = setting(
        "10",
        read.whole(1, 10_000),
        "More connections than this in the window mark a device as flapping.",
    )
    flapping_window: int = setting(
        "1 hour", read.length, "The window in which connections are counted to detect flapping."
    )
    radius_clients: ClientSecrets = setting(
        "",
        read.client_secrets,
        "RADIUS accounting clients: `10.0.0.1=secret, 10.0.1.0/24=another`; the narrowest network wins.",
        is_secret=True,
    )
    webhook_allow: Networks = setting(
        "", read.networks, "Non-public addresses or networks that webhooks may call."
    )
    retention_device_sessions: Period = setting(
        "all", parse_period, "How long device sessions are kept after their end; `all` means for ever."
    )
    retention_events: Period = setting("all", parse_period, "How long events are kept.")
    retention_user_sessions: Period = setting(
        "all", parse_period, "How long user sessions are kept after their last ping."
    )
    retention_max_bytes: int = setting(
        "0",
        read.size,
        "Size above which the oldest history is removed, like `2 GB`; 0 means no limit.",
    )
    prune_every: int = setting(
        "1 hour",
        read.length_or_never,
        "How often `sessiontrack serve` removes data past its retention, or `never`.",
    )
    threads: int = setting("8", read.whole(1, 256), "Threads of each worker process of `sessiontrack serve`.")
    embed_origins: tuple[str, ...] = setting(
        "",
        read.origins,
        "Origins, like `https://portal.example`, whose pages may call the API and frame `/embed/`;"
        " `self` is this service's own.",
    )
    log: str = setting("text", read.one_of("text", "json"), "Format of the log.")
    server_timing: str = setting(
        "off",
        read.one_of("off", "on"),
        "Whether answers carry a `Server-Timing` header, for a browser's developer tools.",
    )
    metrics_allow: Networks = setting(
        "", read.networks, "Addresses or networks that may read `/metrics` without a token."
    )

    @property
    def flapping(self) -> tuple[int, int]:
        """The number of connections, and the window in seconds."""
        return self.flapping_connections, self.flapping_window


def load_settings(
    overrides: Mapping[str, object] | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Read all sources of settings.

    Args:
        overrides: by name, in either case; they take precedence over all other sources.
        environment: where `SESSIONTRACK_<NAME>` is looked up.
    Raises:
        InvalidSetting: a value is invalid, or a name is unknown; one line says which.
    """
    _refuse_unknown(environment)
    where, layers = _layers(overrides, environment)
    chosen = {name: found for _, layer in layers for name, found in layer.items()}
    if unknown := sorted(set(chosen) - {each.name for each in fields(Settings)}):
        raise InvalidSetting(
            f"{chosen[unknown[0]][1]} is not a setting of sessiontrack{_near(unknown[0]) or '.'}"
        )
    settings = Settings(**{**{name: _read(name, chosen) for name in chosen}, "instance": where})
    if settings.auth_proxy_header and not settings.trusted_proxies:
        raise InvalidSetting(
            f"{chosen['auth_proxy_header'][1]} needs TRUSTED_PROXIES, the proxies that may set it."
        )
    return settings


def settings_of(app: "Flask") -> Settings:
    """The settings that an application was made with."""
    found: Settings = app.extensions["sessiontrack.settings"]
    return found


def settings_as_text() -> dict[str, str]:
    """The settings of a running server by name, as the file or the environment has them; secrets too.

    INSTANCE is left out, and ADMIN_PASSWORD, which only a first start reads.
    """
    _, layers = _layers(None, os.environ)
    found = {each.name: str(each.metadata["default"]) for each in fields(Settings)}
    for _, layer in layers:
        found.update({name: text.strip() for name, (text, _) in layer.items()})
    del found["instance"], found["admin_password"]
    return {name.upper(): text for name, text in found.items()}


def source_of(name: str) -> str:
    """Where the value of a setting, such as TIMEZONE, is from: "default", "file" or "environment"."""
    return next(str(each["source"]) for each in describe_settings() if each["name"] == name)


def describe_settings(
    overrides: Mapping[str, object] | None = None, environment: Mapping[str, str] = os.environ
) -> list[dict[str, Any]]:
    """Each setting as load_settings finds it, as text: its value, its source, its meaning.

    Secret values, and passwords in URLs, are left out.
    """
    folder, layers = _layers(overrides, environment)
    described = []
    for each in fields(Settings):
        # The folder is looked for where none is given: an installation's, for instance.
        source, text = "default", str(folder if each.name == "instance" else each.metadata["default"])
        for name, layer in layers:
            if each.name in layer:
                source, text = name, layer[each.name][0].strip()
        is_secret = each.metadata["is_secret"]
        described.append(
            {
                "name": each.name.upper(),
                "value": None if is_secret else without_password(text),
                "default": each.metadata["default"],
                "source": source,
                "meaning": each.metadata["meaning"],
                "secret": is_secret,
            }
        )
    return described


def without_password(text: str) -> str:
    """A database's URL as others may see it."""
    return re.sub("(?i)(password=)[^&]*", r"\1***", re.sub("(://[^:/@]*):.*@", r"\1:***@", text))


Layer = dict[str, tuple[str, str]]


def _layers(
    overrides: Mapping[str, object] | None, environment: Mapping[str, str]
) -> tuple[Path, list[tuple[str, Layer]]]:
    """The instance folder, and the values of each source; later sources win."""
    given = {name.lower(): (str(value), name) for name, value in (overrides or {}).items()}
    exported = {
        each.name: (environment[variable], variable)
        for each in fields(Settings)
        if (variable := PREFIX + each.name.upper()) in environment
    }
    where = _read("instance", {**exported, **given}) or instance.default_folder()
    return where, [
        ("file", _from_file(where / FILE_NAME)),
        ("environment", exported),
        ("command line", given),
    ]


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A name in the environment that looks like a setting and is none is mistyped, as one in the file is."""
    known = {PREFIX + each.name.upper() for each in fields(Settings)}.union(CLIENT_VARIABLES)
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = _near(name.removeprefix(PREFIX).lower())
            raise InvalidSetting(f"{name} is not a setting of sessiontrack{near or '.'}")


def _near(name: str) -> str:
    """What a mistyped name may have meant, as the end of a sentence."""
    found = get_close_matches(name, [each.name for each in fields(Settings)], n=1, cutoff=0.7)
    return f"; did you mean {found[0].upper()}?" if found else ""


def _from_file(path: Path) -> dict[str, tuple[str, str]]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise InvalidSetting(
            f"{path} cannot be read by the user {user_name(os.geteuid())}: run this command as root, which"
            " goes on as the owner of the folder."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path} cannot be read: {error}") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSetting(f"{path} is not TOML: {error}") from error
    found = {name.lower(): (_as_text(value), f"{name} in {path}") for name, value in table.items()}
    if "instance" in found:
        raise InvalidSetting(
            f"{found['instance'][1]} cannot be set in the file, which is found through that folder."
        )
    return found


def _as_text(value: object) -> str:
    """A TOML value as text, as in the environment; a list is joined by commas."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _read(name: str, chosen: Mapping[str, tuple[str, str]]) -> Any:
    if name not in chosen:
        return None
    text, source = chosen[name]
    metadata: Mapping[str, Any] = next((each.metadata for each in fields(Settings) if each.name == name), {})
    try:
        return metadata.get("read", read.plain)(text.strip())
    except (ValueError, InvalidSetting, InvalidPeriod) as error:
        shown = source if metadata.get("is_secret") else f"{source} = {text!r}"
        raise InvalidSetting(f"{shown}: {error}") from error
