"""The table of tests/README.md: how many cases each component has, and how they came out; and the reasons of those that differ."""

import re
from collections import Counter
from pathlib import Path

import golden
import manifest
import reasons

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- differential: what make differential found; it writes this part -->"
END = "<!-- end of differential -->"


def text(everything):
    """Counted from the goldens, which a run has written."""
    goldens = {family: golden.read(family) for family in {case.family for case in everything}}
    counts, uses, total = {}, Counter(), Counter()
    for case in everything:
        _, theirs, here = goldens[case.family].get(case.name, (None, [], None))
        one = counts.setdefault(case.reported(), Counter())
        verdict = "different" if here is not None else "refused" if theirs == golden.REFUSED else "equal"
        for of in (one, total):
            of.update([verdict, "cases"] + (["generated"] if case.generated else []) + (["tasks"] if case.family == "tasks" else []))
        if here is not None:
            uses[case.differs] += 1
    lines = ["| component | cases | of which generated | equal | refused by both | documented difference |", "|---|---|---|---|---|---|"]
    for name, of in [*sorted(counts.items()), ("all", total)]:
        shown = f"`{name}`" if name != "all" else "all"
        lines.append(f"| {shown} | {of['cases']} | {of['generated']} | {of['equal']} | {of['refused']} | {of['different']} |")
    lines += ["", f"{total['tasks']} of them are tasks that people describe. The documented differences:", ""]
    lines += ["| what is asked | the Collector | here | because | cases |", "|---|---|---|---|---|"]
    for name, (asked, there, here, because) in reasons.ALL.items():
        lines.append(f"| {asked} | {there} | {here} | {because} | {uses[name]} |")
    return "\n".join(lines)


def replaced(everything):
    now = README.read_text()
    part = re.compile(re.escape(BEGIN) + r".*?" + re.escape(END), re.DOTALL)
    return now, part.sub(lambda _: f"{BEGIN}\n\n{text(everything)}\n\n{END}", now)


def write(everything):
    README.write_text(replaced(everything)[1])


def is_current(everything):
    now, then = replaced(everything)
    return now == then and BEGIN in now
