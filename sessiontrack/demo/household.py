"""The devices of the demo household."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoDevice:
    """habit: the name of a function of habits.py. Days count back from now.

    bought: how many days ago it arrived; None: it was always there.
    visits: a guest's visits, as (days ago, length in days).
    down: how many days ago it went down, with an alert.
    """

    name: str
    owner: str
    mac: str
    ip: str
    habit: str
    bought: int | None = None
    visits: tuple[tuple[int, int], ...] = ()
    down: tuple[int, ...] = ()


# Phones and newer laptops use a random address for each network: its second digit is 2, 6, A or E.
DEVICES = (
    DemoDevice("Router", "House", "7C:FF:4D:10:52:01", "192.168.1.1", "always", down=(38,)),
    DemoDevice("Access point upstairs", "House", "F4:92:BF:6A:13:C8", "192.168.1.2", "always"),
    DemoDevice("NAS", "House", "00:11:32:8E:41:7B", "192.168.1.10", "always", down=(47, 22, 3)),
    DemoDevice("Home server", "Ben", "DC:A6:32:5F:09:E4", "192.168.1.11", "always", down=(15,)),
    DemoDevice("Office printer", "Anna", "3C:2A:F4:77:B0:1D", "192.168.1.15", "always"),
    DemoDevice("Anna's phone", "Anna", "DA:41:7E:0C:93:5A", "192.168.1.31", "phone"),
    DemoDevice("Ben's phone", "Ben", "6E:B2:58:F1:04:C7", "192.168.1.32", "phone"),
    DemoDevice("Clara's phone", "Clara", "A2:9D:13:4B:E8:60", "192.168.1.33", "phone"),
    DemoDevice("David's phone", "David", "FE:07:C5:82:39:1F", "192.168.1.34", "phone"),
    DemoDevice("Anna's laptop", "Anna", "3C:22:FB:90:6D:A4", "192.168.1.41", "office"),
    DemoDevice("Ben's laptop", "Ben", "A4:83:E7:2F:5B:18", "192.168.1.42", "office"),
    DemoDevice("Clara's laptop", "Clara", "8C:85:90:D3:07:6E", "192.168.1.43", "office"),
    DemoDevice("David's desktop", "David", "D8:BB:C1:44:9A:F0", "192.168.1.44", "evening"),
    DemoDevice("Tablet", "House", "4A:C6:1B:E7:50:D2", "192.168.1.45", "now_and_then"),
    DemoDevice("Living room TV", "House", "64:1C:AE:38:B5:29", "192.168.1.51", "evening"),
    DemoDevice("Bedroom TV", "House", "CC:6E:A4:1D:72:8B", "192.168.1.52", "late_evening"),
    DemoDevice("Game console", "David", "98:B6:E9:5C:E3:47", "192.168.1.53", "now_and_then"),
    DemoDevice("Kitchen speaker", "House", "54:60:09:AB:2E:96", "192.168.1.61", "always"),
    DemoDevice("Thermostat", "House", "18:B4:30:C9:64:05", "192.168.1.62", "always"),
    DemoDevice("Doorbell", "House", "5C:47:5E:31:D8:7A", "192.168.1.63", "flaky"),
    DemoDevice("Garden camera", "House", "EC:71:DB:86:1F:B3", "192.168.1.64", "flaky"),
    DemoDevice("Vacuum robot", "House", "50:EC:50:0E:A7:4C", "192.168.1.65", "always"),
    DemoDevice("Desk lamp", "Clara", "EC:B5:FA:59:C2:E1", "192.168.1.66", "always", bought=5),
    DemoDevice(
        "Eva's phone", "Guest", "B6:2C:F8:47:9E:03", "192.168.1.71", "phone", visits=((44, 3), (17, 4))
    ),
    DemoDevice("Frank's phone", "Guest", "02:E5:6A:D1:38:BC", "192.168.1.72", "phone", visits=((4, 3),)),
)
