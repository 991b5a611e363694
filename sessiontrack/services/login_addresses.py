"""From where users sign in: a login from elsewhere is worth telling."""

from ipaddress import IPv6Address, ip_address, ip_network

from sessiontrack.database import Statement, Transaction
from sessiontrack.services.announcing import announce_login

# An address that was not used for so long is new again.
KEEP_SECONDS = 366 * 86_400

SEEN = Statement("UPDATE login_address SET last_at = :now WHERE user_id = :user_id AND address = :address")
INSERT = Statement(
    "INSERT INTO login_address (user_id, address, first_at, last_at)"
    " VALUES (:user_id, :address, :now, :now) ON CONFLICT (user_id, address) DO NOTHING"
)
HAS_OTHER = Statement("SELECT 1 FROM login_address WHERE user_id = :user_id AND address <> :address LIMIT 1")
FORGET = Statement("DELETE FROM login_address WHERE user_id = :user_id AND last_at < :before")


def note_login(tx: Transaction, now: int, user_id: int, username: str, address: str) -> None:
    """Remember where a login came from; one from a new address is announced, but the very first is not."""
    place = place_of(address)
    if not place or tx.run(SEEN, user_id=user_id, address=place, now=now):
        return
    tx.run(FORGET, user_id=user_id, before=now - KEEP_SECONDS)
    is_new = tx.run(INSERT, user_id=user_id, address=place, now=now) == 1
    if is_new and tx.value(HAS_OTHER, user_id=user_id, address=place) is not None:
        announce_login(tx, now, username, address)


def place_of(address: str) -> str:
    """What an address is remembered as; empty for none. IPv6 hosts take new addresses of their /64 daily."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed), 64), strict=False))
    return str(parsed)
