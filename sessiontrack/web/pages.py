"""The web UI's pages: one table of name, address, who may open it, and where the navigation shows it."""

from dataclasses import dataclass

from sessiontrack.values.roles import ADMIN, VIEWER, includes


@dataclass(frozen=True)
class Page:
    """A page: the custom element `st-page-<name>`, defined by `browser/pages/<name>.js`.

    path: below `/ui`; its parts in <> become attributes of the element.
    icon: of its entry in the navigation, a name of icons.json; None: it has no entry.
    within: the page in the navigation to which one without an entry belongs.
    minor: not one of those that a phone has at hand.
    catalogue: the file of its texts; None: the one of its own name, or of `within`.
    also: further ones, of elements that several pages have.
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
        """The catalogue of this page."""
        return self.catalogue or self.within or self.name


# In the order of the navigation; the first one is what `/` leads to.
PAGES = (
    Page("now", "/now", icon="now"),
    Page("presence", "/presence", icon="presence", also=("timeline",)),
    Page("devices", "/devices", icon="devices"),
    Page("device", "/devices/<mac:mac>", within="devices", also=("history",)),
    Page("events", "/events", icon="events", also=("history",)),
    Page("people", "/people", icon="people"),
    Page("user-session", "/people/<uuid:session>", within="people"),
    Page("api", "/api", icon="api", minor=True),
    Page("settings", "/settings", icon="settings", role=ADMIN, minor=True, also=("meaning",)),
)


def navigation(role: str) -> list[Page]:
    """The entries for somebody of that role."""
    return [page for page in PAGES if page.icon and includes(role, page.role)]
