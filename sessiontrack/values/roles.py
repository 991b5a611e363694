"""The three roles, each including what the ones after it may do."""

ADMIN = "admin"
OPERATOR = "operator"
VIEWER = "viewer"
ROLES = (ADMIN, OPERATOR, VIEWER)


def includes(role: str, needed: str) -> bool:
    """Whether somebody of this role may do what the other role is needed for."""
    return ROLES.index(role) <= ROLES.index(needed)
