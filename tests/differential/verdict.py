"""What is wrong with what came out of cases, beside the Collector or beside the goldens."""

import difflib

import golden
import reasons


def difference(theirs, ours):
    """The first lines that differ, none of them long."""
    lines = difflib.unified_diff(theirs, ours, "the Collector", "Spanmill", lineterm="", n=0)
    return "\n".join("    " + line[:200] for line in list(lines)[3:15])


def fault(case, theirs, ours):
    """What is wrong with a case, if something is."""
    if case.differs and case.differs not in reasons.ALL:
        return f"there is no reason {case.differs}"
    if theirs == ours and case.differs:
        return f"it is the same now; the reason {case.differs} no longer applies"
    if theirs != ours and not case.differs:
        return "different, for no reason that is known\n" + difference(theirs, ours)
    return None


def record(chosen, everything, ours, theirs):
    """Writes what the Collector made of the cases, those that were not run kept as they were."""
    ran = {(case.family, case.name): case for case in chosen}
    for family in {case.family for case in chosen}:
        before, after = golden.read(family), {}
        for case in everything:
            if case.family != family:
                continue
            if one := ran.get((family, case.name)):
                here = ours[one.id] if ours[one.id] != theirs[one.id] else None
                after[case.name] = (one.digest(), theirs[one.id], here)
            elif case.name in before:
                after[case.name] = before[case.name]
        golden.write(family, after)


def beside_goldens(chosen, everything, ours):
    """What is not as the goldens have it."""
    goldens = {family: golden.read(family) for family in {case.family for case in chosen}}
    for case in chosen:
        digest, theirs, here = goldens[case.family].get(case.name, ("", [], None))
        if digest != case.digest():
            yield case, "there is no golden of this case as it is; make differential records it"
        elif wrong := fault(case, theirs, theirs if here is None else here):
            yield case, wrong
        elif ours[case.id] != (theirs if here is None else here):
            yield case, "not as recorded\n" + difference(theirs if here is None else here, ours[case.id])
    known = {case.family for case in everything}
    for family in golden.families() if len(chosen) == len(everything) else []:
        if family not in known:
            yield f"{family}.txt", "goldens of no cases"
    for family, of in goldens.items():
        for name in of.keys() - {case.name for case in everything if case.family == family}:
            yield name, f"a golden in {family}.txt of no case"
