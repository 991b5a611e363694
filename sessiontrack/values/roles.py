"""What accounts may do: three roles, each including what the ones after it may; how long a token holds."""

ADMIN = "admin"
OPERATOR = "operator"
VIEWER = "viewer"
ROLES = (ADMIN, OPERATOR, VIEWER)
MOST_TOKEN_DAYS = 3650


def includes(role: str, needed: str) -> bool:
    """Whether this role may do everything that the other role may."""
    return ROLES.index(role) <= ROLES.index(needed)
