"""The web UI's pages: one table of name, address, required role and place in the navigation."""

from dataclasses import dataclass

from sessiontrack.values.roles import ADMIN, VIEWER, includes


@dataclass(frozen=True)
class Page:
    """A page: the custom element `st-page-<name>`, defined by `browser/pages/<name>.js`.

    path: below `/ui`; its parts in <> become attributes of the element.
    icon: the icon in the navigation, a name of icons.json; None: the page is not in the navigation.
    within: for a page that is not in the navigation, the page it belongs to.
    minor: hidden in the short navigation of a phone.
    catalogue: the name of its catalogue; None: its own name, or that of `within`.
    also: further catalogues, for elements that several pages share.
    """

    name: str
    path: str
    icon: str | None = None
    within: str | None = None
    role: str = VIEWER
    minor: bool = False
    catalogue: str | None = None
    also: tuple[str, ...] = ()

    @property
    def texts(self) -> str:
        """The name of this page's catalogue."""
        return self.catalogue or self.within or self.name


# In the order of the navigation; `/` redirects to the first one.
PAGES = (
    Page("now", "/now", icon="now"),
    Page("presence", "/presence", icon="presence", also=("timeline",)),
    Page("devices", "/devices", icon="devices"),
    Page("device", "/devices/<mac:mac>", within="devices", also=("history", "timeline")),
    Page("events", "/events", icon="events", also=("history",)),
    Page("people", "/people", icon="people"),
    Page("user-session", "/people/<uuid:session>", within="people"),
    Page("month", "/month", icon="calendar", minor=True),
    Page("sources", "/sources", icon="sources", minor=True),
    Page("alerts", "/alerts", icon="alerts", role=ADMIN, minor=True),
    Page("api", "/api", icon="api", minor=True),
    Page(
        "settings",
        "/settings",
        icon="settings",
        role=ADMIN,
        minor=True,
        also=("meaning", "password", "doctor"),
    ),
    Page("account", "/account", also=("password",)),
)


def navigation(role: str) -> list[Page]:
    """The entries of the navigation for a role."""
    return [page for page in PAGES if page.icon and includes(role, page.role)]
