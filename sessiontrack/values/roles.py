"""The three roles, each including what the ones after it may do."""

ADMIN = "admin"
OPERATOR = "operator"
VIEWER = "viewer"
ROLES = (ADMIN, OPERATOR, VIEWER)


def includes(role: str, needed: str) -> bool:
    """Whether this role may do everything that the other role may."""
    return ROLES.index(role) <= ROLES.index(needed)
