"""Goldens: what came out of a case, as lines that say what became of its input."""

import re
from pathlib import Path

import inputs
import normal

HERE = Path(__file__).resolve().parent
REFUSED = ["refused"]
# Where something lies in a process's memory, which the Collector gives away.
ADDRESS = re.compile(r"\b0x[0-9a-f]{12}\b")
# Between what the Collector made of a case and what Spanmill does, where they differ.
HERE_MARK = "-- here"


def outcome(case, answers, outputs):
    """The lines of a golden: what senders were told, and what is different in each output from what was sent."""
    lines = []
    if case.alone and any(answer != 200 for answer in answers):
        lines.append("answers: " + " ".join(map(str, answers)))
    for signal, name in case.outputs():
        is_made = case.connector() not in (None, "routing")
        found = normal.items(outputs[signal, name], signal, is_made, case.keep)
        sent = [] if is_made else normal.items(inputs.requests(case.input, signal), signal)
        told = [ADDRESS.sub("0x?", line) for line in changes(sent, found)]
        lines += [f"{name or signal}> {line}" for line in told] if len(outputs) > 1 else told
    return lines or ["as sent" if case.connector() in (None, "routing") else "nothing"]


def changes(sent, found):
    """What is different; items that are as they were sent are not told of, unless most are gone; an edit of several is told once."""
    pairs, new = paired(sent, found)
    gone = [item for item in sent if item.label not in pairs]
    if gone and len(pairs) < len(gone):
        yield "kept: " + (", ".join(pairs) or "none")
    elif gone:
        yield "dropped: " + ", ".join(item.label for item in gone)
    edits = {}
    for label, (before, after) in pairs.items():
        for sign, lines in (("-", without(before.lines, after.lines)), ("+", without(after.lines, before.lines))):
            for line in lines:
                edits.setdefault(f"{sign} {line}", []).append(label)
    for edit, labels in edits.items():
        yield f"{edit}  @ {', '.join(labels)}"
    for name in dict.fromkeys(item.name for item in new):
        yield from told([item for item in new if item.name == name])


def told(items):
    """Items of one name that are new: what they have in common, and what each has beside it."""

    def lines_of(item):
        # The label of a data point has the attributes already.
        return [line for line in item.lines if item.name == item.label or not line.startswith("attributes[")]

    first, *others = items
    common = [line for line in lines_of(first) if all(line in other.lines for other in others)] if others else []
    if common:
        yield f"each new {first.name}: " + "; ".join(common)
    for item in items:
        yield f"new {item.label}: " + "; ".join(without(lines_of(item), common))


def paired(sent, found):
    """Which item became which: of the same name, with the most lines in common. Gives the pairs by label, and those without one."""
    pairs, rest = {}, []
    for name in dict.fromkeys(item.name for item in [*sent, *found]):
        before, after = [item for item in sent if item.name == name], [item for item in found if item.name == name]
        equal = {"\n".join(item.lines) for item in after}
        for item in sorted(before, key=lambda item: "\n".join(item.lines) not in equal):
            if after:
                best = max(after, key=lambda other: (other.lines == item.lines, len(set(other.lines) & set(item.lines))))
                after.remove(best)
                pairs[item.label] = (item, best)
        rest += after
    return {item.label: pairs[item.label] for item in sent if item.label in pairs}, rest


def without(lines, others):
    """The lines that the others do not have, as often as they do not have them."""
    others, out = list(others), []
    for line in lines:
        if line in others:
            others.remove(line)
        else:
            out.append(line)
    return out


def families(folder=HERE / "goldens"):
    return sorted(path.stem for path in folder.glob("*.txt"))


def read(family, folder=HERE / "goldens"):
    """The goldens of a family of cases: digest, the Collector's lines, and ours if they differ."""
    path, found, lines = folder / f"{family}.txt", {}, None
    if not path.exists():
        return {}
    for line in path.read_text().split("\n"):
        if head := re.fullmatch(r"== (.*) \[([0-9a-f]{8})\]", line):
            lines = []
            found[head[1]] = (head[2], lines, None)
            name = head[1]
        elif line == HERE_MARK:
            lines = []
            found[name] = (*found[name][:2], lines)
        elif line and lines is not None:
            lines.append(line)
    return found


def write(family, goldens, folder=HERE / "goldens"):
    out = []
    for name, (digest, theirs, ours) in goldens.items():
        out.append(f"== {name} [{digest}]")
        out += theirs
        if ours is not None:
            out += [HERE_MARK, *ours]
        out.append("")
    folder.mkdir(exist_ok=True)
    (folder / f"{family}.txt").write_text("\n".join(out))
