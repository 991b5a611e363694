"""Who makes the devices of a vendor prefix: the IEEE's list, as the package netaddr brings it along."""

from functools import lru_cache

from sessiontrack.values.macs import is_locally_administered, is_multicast, vendor_prefix

# The IEEE sold parts of such a prefix to several vendors, which this list does not distinguish.
NOBODY = frozenset({"IEEE Registration Authority", "Private"})


def vendor_of(mac: str) -> str:
    """The vendor's name; "" where the address was made up locally or no vendor has its prefix.

    Args:
        mac: canonical.
    """
    if is_locally_administered(mac) or is_multicast(mac):
        return ""
    return _vendor_of_prefix(vendor_prefix(mac))


@lru_cache(maxsize=4096)
def _vendor_of_prefix(prefix: str) -> str:
    # Not at the top: the list's index takes 40 ms and 8 MB, which commands that ask for no vendor are spared.
    from netaddr import OUI, NotRegisteredError

    try:
        name = str(OUI(int(prefix.replace(":", ""), 16)).registration().org)
    except NotRegisteredError:
        return ""
    return "" if name in NOBODY else " ".join(name.split())[:255]
