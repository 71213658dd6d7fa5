//! Names made into templates: by the looks of their segments, and by what a trie has seen in their place.

use crate::classify;
use crate::hash::hash;
use crate::trie::{Kind, MOST_SEGMENTS, ROOT, Trie};

/// What stands for a segment that takes too many values.
const ANY: &str = "{*}";

/// Which bytes part segments.
const PARTS: [bool; 256] = {
    let separators = b"/\\?&=,;#|()[]<>\"'` \t\n\r\x0c";
    let mut table = [false; 256];
    let mut at = 0;
    while at < separators.len() {
        table[separators[at] as usize] = true;
        at += 1;
    }
    table
};

/// Writes the template of a name into `out`, and has the trie learn from it. The rest of a name with very many segments
/// is not told apart.
pub(crate) fn write(trie: &mut Trie, seed: u64, name: &str, out: &mut String) {
    out.clear();
    trie.start();
    let bytes = name.as_bytes();
    let (mut at, mut node) = (0, ROOT);
    for number in 0..=MOST_SEGMENTS {
        if number == MOST_SEGMENTS {
            out.push_str(ANY);
            return;
        }
        let rest = &bytes[at..];
        let end = rest.iter().position(|&byte| PARTS[usize::from(byte)]);
        let end = end.map_or(bytes.len(), |length| at + length);
        let segment = &name[at..end];
        let start = out.len();
        let kind = match classify::whole(segment) {
            Some(placeholder) => {
                out.push_str(placeholder);
                Kind::Placeholder
            }
            None => {
                classify::parts(segment, out);
                Kind::Value
            }
        };
        // What parts this segment from the one before tells them apart too.
        let before = at.checked_sub(1).map_or(0, |before| bytes[before]);
        let label = hash(seed ^ u64::from(before), &out.as_bytes()[start..]);
        let (next, is_any) = trie.step(node, label, kind);
        if is_any {
            out.truncate(start);
            out.push_str(ANY);
        }
        let Some(&separator) = bytes.get(end) else {
            return;
        };
        out.push(char::from(separator));
        (node, at) = (next, end + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names {
        trie: Trie,
        out: String,
    }

    impl Names {
        fn new(most_values: u32, most_nodes: usize) -> Self {
            Names {
                trie: Trie::new(most_values, most_nodes),
                out: String::new(),
            }
        }

        fn of(&mut self, name: &str) -> String {
            write(&mut self.trie, 1, name, &mut self.out);
            self.out.clone()
        }
    }

    #[test]
    fn segments_are_told_by_their_looks_at_once() {
        let mut names = Names::new(100, 10_000);
        for (name, template) in [
            ("GET /users/42/orders", "GET /users/{id}/orders"),
            ("/a?page=2&q=x", "/a?page={id}&q=x"),
            ("", ""),
            ("/", "/"),
            ("//x//", "//x//"),
            ("SELECT * FROM orders_20260131", "SELECT * FROM orders_{id}"),
            ("größe/7", "größe/{id}"),
        ] {
            assert_eq!(names.of(name), template);
        }
    }

    #[test]
    fn a_segment_with_too_many_values_takes_any_from_then_on() {
        let mut names = Names::new(3, 10_000);
        let people = ["ann", "bob", "cid"];
        for person in people {
            let name = format!("GET /users/{person}/orders");
            assert_eq!(names.of(&name), name);
        }
        assert_eq!(names.of("GET /users/dan/orders"), "GET /users/{*}/orders");
        assert_eq!(names.trie.learned, 1);
        for person in people {
            let name = format!("GET /users/{person}/orders");
            assert_eq!(names.of(&name), "GET /users/{*}/orders");
        }
        // Ids stay ids, and what stands elsewhere has values of its own.
        assert_eq!(names.of("GET /users/42/orders"), "GET /users/{id}/orders");
        assert_eq!(names.of("PUT /users/ann"), "PUT /users/ann");
        // Below, values are learned again, all users together.
        for (number, action) in ["x", "y", "orders", "z"].into_iter().enumerate() {
            let expected = match number {
                3 => "GET /users/{*}/{*}".to_owned(),
                _ => format!("GET /users/{{*}}/{action}"),
            };
            assert_eq!(
                names.of(&format!("GET /users/p{number}/{action}")),
                expected
            );
        }
    }

    #[test]
    fn the_first_segment_never_takes_any_value() {
        let mut names = Names::new(2, 10_000);
        for operation in ["load", "store", "delete", "list"] {
            assert_eq!(names.of(operation), operation);
        }
    }

    #[test]
    fn a_name_of_very_many_segments_ends_in_any() {
        let mut names = Names::new(2, 10_000);
        let name = "a/".repeat(MOST_SEGMENTS + 5);
        let template = "a/".repeat(MOST_SEGMENTS) + ANY;
        assert_eq!(names.of(&name), template);
    }

    #[test]
    fn memory_is_bounded_and_what_is_in_use_stays() {
        let mut names = Names::new(3, 1_000);
        for person in ["a", "b", "c", "d"] {
            names.of(&format!("GET /users/{person}"));
        }
        for number in 0..50_000u32 {
            let word: String = number
                .to_string()
                .bytes()
                .map(|d| char::from(d + 49))
                .collect();
            names.of(&word);
            assert_eq!(names.of("GET /users/new"), "GET /users/{*}");
        }
        assert!(names.trie.forgotten > 40_000);
        assert!(names.trie.in_order(0).len() <= 1_000);
    }

    #[test]
    fn nodes_that_are_handed_on_give_the_same_templates() {
        let mut names = Names::new(2, 10_000);
        for name in ["/a/b/1", "/a/c/x", "/a/d/y", "/e/f", "/e/g"] {
            names.of(name);
        }
        let mut other = Names::new(2, 10_000);
        assert!(other.trie.replace(names.trie.in_order(0)));
        for name in ["/a/b/z", "/e/h", "/e/f", "/a/1/x"] {
            assert_eq!(names.of(name), other.of(name), "{name}");
        }
        let mut twice = names.trie.in_order(0);
        twice.extend(names.trie.in_order(0));
        assert!(!other.trie.replace(twice), "a segment stands twice");
        assert_eq!(other.of("/a/b"), "/a/b", "nothing is left");
    }

    proptest::proptest! {
        #[test]
        fn any_name_has_a_template_that_stays(name in "\\PC{0,60}", other in "[a-z0-9/ .:-]{0,40}") {
            let mut names = Names::new(50, 10_000);
            let first = names.of(&name);
            names.of(&other);
            proptest::prop_assert_eq!(names.of(&name), first.clone());
        }
    }
}
