"""Builds a plugin's component: `python -m spanmill_sdk.build --world drop-routes --output build/drop_routes.wasm drop_routes`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from .rawlists import UnknownGlue, lists_as_bytes

#: The folder that has the package `spanmill_sdk`.
SDK = Path(__file__).parents[2]


def main() -> int:
    """Runs componentize-py, and lets lists of numbers cross as bytes."""
    parser = argparse.ArgumentParser(prog="python -m spanmill_sdk.build", description="Builds a plugin's component.")
    parser.add_argument("module", help="the Python module that exports the plugin's interfaces")
    parser.add_argument("--world", required=True, help="the world of the plugin")
    parser.add_argument("--wit", default="wit", help="the folder that has it (wit)")
    parser.add_argument("--output", type=Path, required=True, help="where the component goes")
    args = parser.parse_args()
    beside = Path(sys.executable).with_name("componentize-py")
    tool = str(beside) if beside.exists() else shutil.which("componentize-py")
    if tool is None:
        print("componentize-py is not installed; pip install --requirement requirements.txt", file=sys.stderr)
        return 1
    args.output.parent.mkdir(parents=True, exist_ok=True)
    # The plugin is in the current folder; the SDK is beside it, or wherever it is installed.
    paths = [option for folder in (Path(), SDK) for option in ("-p", str(folder))]
    command = [tool, "--quiet", "-d", args.wit, "-w", args.world, "componentize", *paths, args.module]
    # A running service may watch the output, so it appears there at once, and finished.
    part = args.output.with_name(f"{args.output.name}.part")
    built = subprocess.run([*command, "-o", str(part)])
    if built.returncode:
        return built.returncode
    try:
        part.write_bytes(lists_as_bytes(part.read_bytes()))
    except UnknownGlue as error:
        part.unlink()
        print(f"{error}; this SDK knows the glue of componentize-py 0.25.1, so install that version", file=sys.stderr)
        return 1
    part.replace(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
