//! Functions of strings that hold something, of lists and maps, and of lambdas.

use super::{fails, gives};

#[test]
fn what_strings_hold() {
    gives(&[
        (
            r#"ParseJSON("{\"a\": 1, \"b\": [true, null, {\"c\": \"x\"}], \"a\": 2}")"#,
            r#"{"a": 2.0, "b": [true, nil, {"c": "x"}]}"#,
        ),
        (r#"ParseJSON("[1]")[0]"#, "1.0"),
        (
            r#"ParseCSV("1,\"2,x\",3", "a,b,c")"#,
            r#"{"a": "1", "b": "2,x", "c": "3"}"#,
        ),
        (
            r#"ParseCSV("a;b", "x|y", ";", "|")"#,
            r#"{"x": "a", "y": "b"}"#,
        ),
        (
            r#"ParseKeyValue("k1=v1 k2=\"v 2\" k3=")"#,
            r#"{"k1": "v1", "k2": "v 2", "k3": ""}"#,
        ),
        (
            r#"ParseKeyValue("a:1,b:2", ":", ",")"#,
            r#"{"a": "1", "b": "2"}"#,
        ),
        (
            r#"ToKeyValueString({"b": "x y", "a": 1}, sort_output=true)"#,
            r#""a=1 b=\"x y\"""#,
        ),
        (
            r#"URL("https://u:p@shop.example:8443/a/b.txt?q=1#f")["url.port"]"#,
            "8443",
        ),
        (
            r#"URL("https://u:p@shop.example/a/b.txt?q=1#f")["url.extension"]"#,
            r#""txt""#,
        ),
        (
            r#"ParseXML("<a x=\"1\">t<b/></a>")"#,
            r#"{"tag": "a", "content": "t", "attributes": {"x": "1"}, "children": [{"tag": "b"}]}"#,
        ),
        (
            r#"ParseSimplifiedXML("<a><b>1</b><b>2</b><c>x</c><d/></a>")"#,
            r#"{"a": {"b": ["1", "2"], "c": "x"}}"#,
        ),
        (
            r#"ExtractGrokPatterns("10.0.0.1 GET 2.5", "%{IP:ip} %{WORD:verb} %{NUMBER:n:double}", true)"#,
            r#"{"ip": "10.0.0.1", "verb": "GET", "n": 2.5}"#,
        ),
        (
            r#"ExtractGrokPatterns("x", "%{MINE:a.b}", true, ["MINE=x"])"#,
            r#"{"a.b": "x"}"#,
        ),
        (r#"ExtractGrokPatterns("zz", "%{INT:n}", true)"#, "{}"),
        (
            r#"ParseSeverity(503, {"warn": [{"equals": ["warn"]}], "error": [{"range": "5xx"}]})"#,
            r#""error""#,
        ),
        (
            r#"ParseSeverity("w", {"warn": [{"equals": ["warn", "w"]}]})"#,
            r#""warn""#,
        ),
    ]);
    fails(&[
        (
            r#"ParseJSON("{bad")"#,
            "ParseJSON got a string that is not JSON, or is nested more than 127 levels deep",
        ),
        (
            r#"ParseJSON("3")"#,
            "ParseJSON got JSON that is neither an object nor a list",
        ),
        (
            r#"ParseJSON("{}")["a"]"#,
            "what a function gave does not have the key",
        ),
        (r#"Split("a", ",")[3]"#, "the index is beyond the list"),
        (
            r#"ParseCSV("a,b", "x")"#,
            "ParseCSV got another number of fields than of headers",
        ),
        (
            r#"ParseKeyValue("a")"#,
            "ParseKeyValue got a pair without a delimiter",
        ),
        (r#"URL("http://a b/")"#, "URL got a string that is no URL"),
        (
            r#"ParseXML("<a>")"#,
            "a function got a string that is not XML",
        ),
        (
            r#"ExtractGrokPatterns("a", "%{NOTHING:x}")"#,
            "ExtractGrokPatterns: there is no pattern %{NOTHING}",
        ),
        (
            r#"ParseSeverity("zz", {"warn": [{"equals": ["warn"]}]})"#,
            "ParseSeverity found no level for the value",
        ),
        (
            r#"ParseSeverity("zz", {"warn": "w"})"#,
            "ParseSeverity: each level has a list of criteria",
        ),
    ]);
}

#[test]
fn lines_of_named_formats() {
    gives(&[
        (
            r#"ParseCLF("127.0.0.1 - ann [10/Oct/2000:13:55:36 -0700] \"GET /a?b=\\\"c HTTP/1.0\" 200 -")"#,
            r#"{"clf.remote_host": "127.0.0.1", "clf.rfc931": "-", "clf.auth_user": "ann", "clf.timestamp": "10/Oct/2000:13:55:36 -0700", "clf.request": "GET /a?b=\"c HTTP/1.0", "clf.method": "GET", "clf.request_uri": "/a?b=\"c", "clf.protocol": "HTTP/1.0", "clf.status": 200}"#,
        ),
        (
            r#"ParseCLF("h - - [t] \"-\" 404 12 \"http://r\" \"agent\"", "combined")["clf.user_agent"]"#,
            r#""agent""#,
        ),
        (
            r#"ParseCEF("<1> CEF:0|Sec\\|urity|mgr|1.0|100|worm stopped|10|src=10.0.0.1 msg=a b\\=c dst=2.1.2.2")"#,
            r#"{"cef.version": "0", "cef.device_vendor": "Sec|urity", "cef.device_product": "mgr", "cef.device_version": "1.0", "cef.device_event_class_id": "100", "cef.name": "worm stopped", "cef.severity": "10", "cef.extensions": {"src": "10.0.0.1", "msg": "a b=c", "dst": "2.1.2.2"}}"#,
        ),
        (
            r##"ParseELF("#Version: 1.0\n#Fields: time cs-method\n00:34:23 GET\n00:35 \"a \"\"b\"")"##,
            r#"{"elf.version": "1.0", "elf.entries": [{"time": "00:34:23", "cs-method": "GET"}, {"time": "00:35", "cs-method": "a \"b"}], "elf.fields": ["time", "cs-method"]}"#,
        ),
        (
            r#"ParseLEEF("LEEF:2.0|Vendor|Product|1|id|^|src=1^dst=2^x")"#,
            r#"{"leef.version": "2.0", "leef.vendor": "Vendor", "leef.product.name": "Product", "leef.product.version": "1", "leef.event.id": "id", "leef.attributes": {"src": "1", "dst": "2"}}"#,
        ),
        (
            r#"ParseLEEF("LEEF:1.0|V|P|1|id|a=1\tb=2")["leef.attributes"]"#,
            r#"{"a": "1", "b": "2"}"#,
        ),
    ]);
    fails(&[
        (
            r#"ParseCLF("nothing")"#,
            "ParseCLF got a string that does not have the format",
        ),
        (
            r#"ParseCEF("CEF:0|a")"#,
            "ParseCEF got a header with less than seven fields",
        ),
        (
            r##"ParseELF("#Fields: a")"##,
            "ParseELF got a string without a version",
        ),
        (
            r#"ParseLEEF("LEEF:3.0|a|b|c|d|")"#,
            "ParseLEEF got a version that is neither 1.0 nor 2.0",
        ),
    ]);
}

#[test]
fn lists_maps_and_addresses() {
    gives(&[
        (r#"ContainsValue(["a", 1], 1)"#, "true"),
        (r#"Index(["a", 1, 2.5], 2.5)"#, "2"),
        ("Sort([3, 1, 2])", "[1, 2, 3]"),
        (r#"Sort(["b", "a"], "desc")"#, r#"["b", "a"]"#),
        ("Sort([3, 1.5, 2])", "[1.5, 2, 3]"),
        (r#"Sort([2, "x", true])"#, r#"[2, true, "x"]"#),
        (r#"Keys({"a": 1, "b": 2})"#, r#"["a", "b"]"#),
        (r#"Values({"a": 1, "b": "x"})"#, r#"[1, "x"]"#),
        (r#"SliceToMap(["x", "y"])"#, r#"{"0": "x", "1": "y"}"#),
        (
            r#"SliceToMap([{"n": "a", "v": 1}], ["n"], ["v"])"#,
            r#"{"a": 1}"#,
        ),
        (r#"Coalesce([nil, "x"])"#, r#""x""#),
        (
            r#"IsInCIDR("10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"])"#,
            "true",
        ),
        (r#"IsInCIDR("::ffff:10.1.2.3", ["10.0.0.0/8"])"#, "true"),
        (r#"IsInCIDR("nope", ["10.0.0.0/8"])"#, "false"),
        (r#"IsValidLuhn("4111 1111 1111 1111")"#, "true"),
        ("IsValidLuhn(17893729975)", "false"),
        (
            r#"CommunityID("66.35.250.204", 80, "128.232.110.120", 34855)"#,
            r#""1:LQU9qZlK+B5F3KDmev6m5PMibrg=""#,
        ),
    ]);
    fails(&[
        (
            r#"IsInCIDR("10.0.0.1", ["10.0.0.0"])"#,
            "IsInCIDR: \"10.0.0.0\" is no network; write one such as \"10.0.0.0/8\"",
        ),
        (
            r#"TraceID("0102")"#,
            "TraceID takes 16 bytes or 32 hex digits",
        ),
        (r#"SpanID(0x01)"#, "SpanID takes 8 bytes or 16 hex digits"),
        (
            r#"SliceToMap([{"n": 1}], ["n"])"#,
            "SliceToMap found a key that is no string",
        ),
        (
            r#"CommunityID("x", 80, "10.0.0.1", 1)"#,
            "CommunityID got a string that is no address",
        ),
        (r#"Sort("x")"#, "Sort takes a list"),
        ("Keys([1])", "argument 1 of Keys must be a map"),
    ]);
}

#[test]
fn lambdas() {
    gives(&[
        (r#"Filter([1, 2, 3], (_, v) => v > 1)"#, "[2, 3]"),
        (
            r#"Filter({"a": 1, "b": 2}, (k, _) => k == "a")"#,
            r#"{"a": 1}"#,
        ),
        (
            r#"MapEach(["a", "b"], (i, v) => Concat([v, i], ""))"#,
            r#"["a0", "b1"]"#,
        ),
        (
            r#"MapKeys({"a": 1}, (k, _) => ToUpperCase(k))"#,
            r#"{"A": 1}"#,
        ),
        (r#"Reduce([1, 2, 3], 10, (total, _, v) => total + v)"#, "16"),
        (r#"Any([1, 2], (_, v) => v == 2)"#, "true"),
        (r#"All([1, 2], (_, v) => v == 2)"#, "false"),
        (
            r#"Find([{"n": "a", "v": 1}, {"n": "b", "v": 2}], (_, v) => v["n"] == "b", (_, v) => v["v"])"#,
            "2",
        ),
        (r#"Find([1], (_, v) => v == 2)"#, "nil"),
        (r#"When(() => 1 > 2, "yes", "no")"#, r#""no""#),
        (
            r#"MapEach([[1, 2], [3]], (_, l) => Reduce(l, 0, (t, _, v) => t + v))"#,
            "[3, 3]",
        ),
    ]);
    fails(&[
        (
            r#"Filter([1], (v) => true)"#,
            "the lambda takes 2 parameters here",
        ),
        (
            r#"Filter([1], true)"#,
            "argument 2 of Filter must be a lambda such as `(key, value) => value`",
        ),
        (
            r#"Filter([1], (a, a) => true)"#,
            "the lambda has two parameters `a`",
        ),
        (
            r#"Filter([1], (_, v) => v)"#,
            "a lambda must answer true or false here",
        ),
        (
            r#"MapEach(5, (_, v) => v)"#,
            "a function expected a list or a map but got another type",
        ),
        (
            r#"(a) => a"#,
            "a lambda can stand only where a function takes one",
        ),
    ]);
}
