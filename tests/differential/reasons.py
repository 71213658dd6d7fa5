"""Why the Collector and Spanmill differ, where they do: what each makes of it, and what for. reasons.txt has them."""

from pathlib import Path


def read(path=Path(__file__).resolve().parent / "reasons.txt"):
    """Each reason by its name: what is asked, what the Collector does, what happens here, and because of what."""
    out = {}
    for block in path.read_text().split("\n\n"):
        lines = [line for line in block.strip().splitlines() if not line.startswith("#")]
        if not lines:
            continue
        name, *rest = lines
        told = dict(line.split(": ", 1) for line in rest)
        out[name] = tuple(told[part] for part in ("asked", "there", "here", "because"))
    return out


ALL = read()
