"""One client process: makes the same call again and again, and prints what was answered as JSON.

    python -m tests.support.load '{"port": 8000, "calls": [["POST", "/x", {}]], "at": 0, "seconds": 1, ...}'

at: when to begin (seconds since the epoch), so that several begin at once.
seconds: for how long to go round the calls; 0 is once.
"""

import json
import sys
import time

from tests.support.server import call


def main() -> None:
    """Read the order, wait for its instant, call, print [[status, body]...]."""
    order = json.loads(sys.argv[1])
    answers = []
    time.sleep(max(0, order["at"] - time.time()))
    until = order["at"] + order["seconds"]
    while True:
        for method, path, body in order["calls"]:
            answer = call(order["port"], method, path, body, order["token"])
            answers.append([answer.status, answer.json])
        if time.time() >= until:
            break
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
