"""Runs a command in a pseudo-terminal of its own, as a person's shell would, and writes what happened as JSON to stdout.

Its one argument is JSON: args, env, cwd, columns (0 is a terminal that does not know), isStdoutPiped, and steps, each taken
once the terminal has shown the text `after` (a regular expression, searched in what came since the step before):
{"after": "...", "columns": 40} resizes the terminal, {"after": "...", "type": "\\u0003"} types.
"""
import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

LIMIT_S = 120
ROWS = 30


def resize(descriptor, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS if columns else 0, columns, 0, 0))


def main():
    request = json.loads(sys.argv[1])
    terminal, inner = os.openpty()
    resize(terminal, request["columns"])
    # What is typed is not shown, so that all that comes is the program's.
    attributes = termios.tcgetattr(inner)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(inner, termios.TCSANOW, attributes)
    pipe = subprocess.PIPE if request["isStdoutPiped"] else inner
    child = subprocess.Popen(
        request["args"], env=request["env"], cwd=request["cwd"], stdin=inner, stdout=pipe, stderr=inner,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(inner)
    events, printed, since = [], b"", ""
    steps = request["steps"]
    sources = [terminal] + ([child.stdout.fileno()] if request["isStdoutPiped"] else [])
    deadline = time.monotonic() + LIMIT_S
    while sources:
        ready, _, _ = select.select(sources, [], [], 1)
        if time.monotonic() > deadline:
            os.killpg(child.pid, signal.SIGKILL)
        for source in ready:
            try:
                data = os.read(source, 65536)
            except OSError:  # Linux says so where nobody has the terminal open any more.
                data = b""
            if data == b"":
                sources.remove(source)
            elif source == terminal:
                events.append({"shown": data.decode("utf-8", "surrogateescape")})
                since += events[-1]["shown"]
            else:
                printed += data
        while steps and re.search(steps[0]["after"], since):
            step, since = steps.pop(0), ""
            if "columns" in step:
                resize(terminal, step["columns"])
                events.append({"columns": step["columns"]})
            else:
                os.write(terminal, step["type"].encode())
    # Bytes of one character may come apart.
    merged = []
    for event in events:
        if "shown" in event and merged and "shown" in merged[-1]:
            merged[-1]["shown"] += event["shown"]
        else:
            merged.append(dict(event))
    for event in merged:
        if "shown" in event:
            event["shown"] = event["shown"].encode("utf-8", "surrogateescape").decode("utf-8")
    json.dump({"code": child.wait(), "events": merged, "printed": printed.decode(), "stepsLeft": len(steps)}, sys.stdout)


main()
