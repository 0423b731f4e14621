"""The tutorial, command by command, as a newcomer's shell would run it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from servers.process import free_port

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
FENCE = re.compile(r"^```(sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_each_command_of_the_tutorial_does_what_the_page_says(tmp_path: Path) -> None:
    port = str(free_port())
    pieces = [(kind == "sh", text.replace("5232", port)) for kind, text in FENCE.findall(PAGE.read_text("utf-8"))]
    script = "set -eo pipefail\n" + "".join(text for is_command, text in pieces if is_command)
    shell = tmp_path / "tutorial.sh"
    shell.write_text(f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}echo the end\n", "utf-8")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8", "TZ": "UTC"}
    if "PYTHONPATH" in os.environ:
        env["PYTHONPATH"] = os.pathsep.join(str(Path(each).resolve()) for each in os.environ["PYTHONPATH"].split(":"))
    start = time.monotonic()
    done = subprocess.run(
        ["bash", str(shell)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    print(f"tutorial_seconds = {time.monotonic() - start:.1f}")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert done.stdout.endswith("the end\n")
    for shown in (line for is_command, text in pieces if not is_command for line in text.splitlines()):
        assert shown in said.replace("\r", ""), shown
