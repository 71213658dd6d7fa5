"""Lists of policies of tail_sampling: one of each type, and what chance makes of them."""

import random


def policy(kind, settings=None, name="p"):
    out = {"name": name, "type": kind}
    if settings is not None:
        out[kind] = settings
    return out


def single():
    """Lists of one policy each, and those that a type's keys lead to."""
    return {
        "always": policy("always_sample"),
        "latency": policy("latency", {"threshold_ms": 150}),
        "latency-both": policy("latency", {"threshold_ms": 99, "upper_threshold_ms": 1500}),
        "latency-zero": policy("latency", {"threshold_ms": 0}),
        "numeric": policy("numeric_attribute", {"key": "n", "min_value": 400, "max_value": 499}),
        "numeric-most": policy("numeric_attribute", {"key": "n", "max_value": -1}),
        "numeric-zero": policy("numeric_attribute", {"key": "n", "max_value": 100}),
        "numeric-inverted": policy("numeric_attribute", {"key": "n", "min_value": 400, "max_value": 499, "invert_match": True}),
        "probabilistic": policy("probabilistic", {"sampling_percentage": 12.5}),
        "probabilistic-salt": policy("probabilistic", {"sampling_percentage": 33.3, "hash_salt": "pepper"}),
        "probabilistic-all": policy("probabilistic", {"sampling_percentage": 100}),
        "status": policy("status_code", {"status_codes": ["ERROR"]}),
        "status-two": policy("status_code", {"status_codes": ["OK", "UNSET"]}),
        "string": policy("string_attribute", {"key": "k", "values": ["alpha", "gamma"]}),
        "string-resource": policy("string_attribute", {"key": "service.name", "values": ["pay"]}),
        "string-empty": policy("string_attribute", {"key": "env", "values": ["", "x"]}),
        "string-regex": policy("string_attribute", {"key": "k", "values": ["^alpha.", "eta$"], "enabled_regex_matching": True}),
        "string-regex-empty": policy("string_attribute", {"key": "env", "values": ["^$"], "enabled_regex_matching": True}),
        "string-inverted": policy("string_attribute", {"key": "k", "values": ["beta"], "invert_match": True}),
        "boolean": policy("boolean_attribute", {"key": "flag", "value": True}),
        "boolean-false": policy("boolean_attribute", {"key": "flag", "value": False}),
        "boolean-inverted": policy("boolean_attribute", {"key": "flag", "value": True, "invert_match": True}),
        "count": policy("span_count", {"min_spans": 3}),
        "count-both": policy("span_count", {"min_spans": 2, "max_spans": 5}),
        "state": policy("trace_state", {"key": "a", "values": ["1", "2"]}),
        "state-second": policy("trace_state", {"key": "b", "values": ["x"]}),
        "flags": policy("trace_flags"),
        "ottl": policy("ottl_condition", {"error_mode": "ignore", "span": ['attributes["n"] >= 499', 'name == "health"']}),
        "ottl-event": policy("ottl_condition", {"error_mode": "ignore", "spanevent": ['name == "exception" and attributes["k"] == "beta"']}),
        "ottl-failing": policy(
            "ottl_condition",
            {"error_mode": "propagate", "span": ['Substring(attributes["k"], 0, 5) == "alpha"'], "spanevent": ['name == "retry"']},
        ),
        "rate-none": policy("rate_limiting", {"spans_per_second": 0}),
        "rate-all": policy("rate_limiting", {"spans_per_second": 10**9}),
        "bytes-all": policy("bytes_limiting", {"bytes_per_second": 10**12}),
        "composite-all": policy(
            "composite",
            {
                "max_total_spans_per_second": 10**9,
                "policy_order": ["e", "s"],
                "composite_sub_policy": [
                    policy("status_code", {"status_codes": ["ERROR"]}, "e"),
                    policy("string_attribute", {"key": "k", "values": ["alpha"]}, "s"),
                ],
                "rate_allocation": [{"policy": "e", "percent": 50}, {"policy": "s", "percent": 50}],
            },
        ),
    }


def composed(count, seed):
    """Lists made of the policies above by chance: several, combined, inverted and dropping."""
    rng = random.Random(seed)
    leaves = [of for name, of in single().items() if not name.startswith(("rate", "bytes", "composite", "always"))]

    def leaf(name):
        return {**rng.choice(leaves), "name": name}

    def sub(name):
        if rng.random() < 0.3:
            return policy("not", {"not_sub_policy": leaf(name + "n")}, name)
        return leaf(name)

    lists = {}
    for number in range(count):
        policies = []
        for at in range(rng.randrange(1, 5)):
            name = f"p{at}"
            kind = rng.choice(["leaf", "and", "and", "not", "drop"])
            subs = [sub(f"{name}s{below}") for below in range(rng.randrange(1, 4))]
            policies.append(
                {
                    "leaf": lambda: leaf(name),
                    "and": lambda: policy("and", {"and_sub_policy": subs}, name),
                    "not": lambda: policy("not", {"not_sub_policy": leaf(name + "n")}, name),
                    "drop": lambda: policy("drop", {"drop_sub_policy": subs}, name),
                }[kind]()
            )
        lists[f"composed-{number:02}"] = policies
    return lists
