"""One client process: repeats the same calls, and prints the answers as JSON.

    python -m tests.support.load '{"port": 8000, "calls": [["POST", "/x", {}]], "token": "..", "seconds": 1}'

It prints "ready", and begins at the next line of its input, so that several processes begin at once.
seconds: after this time it makes the calls a last time; 0: make them once.
"""

import json
import sys
import time

from tests.support.calls import call


def main() -> None:
    """Read the order, wait for the line, call, print [[status, body]...]."""
    order = json.loads(sys.argv[1])
    answers = []
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + order["seconds"]
    is_last = False
    while not is_last:
        is_last = time.monotonic() >= until
        for method, path, body in order["calls"]:
            answer = call(order["port"], method, path, body, order["token"])
            answers.append([answer.status, answer.json])
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
