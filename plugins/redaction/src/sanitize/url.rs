//! URLs without what varies in them: `/users/42/cart?id=7` becomes `/users/*/cart`.

use super::words::Words;

/// Segments beyond this many are cut off.
const MOST_SEGMENTS: usize = 10;

/// Puts a star in the place of each segment of a path that is no word, and cuts off query and fragment.
///
/// The path is rewritten where it stands, as the Collector does it: of a tenth segment that is no word, a part may be left.
pub(super) fn clustered(path: &str, words: &Words) -> String {
    let mut bytes = path.as_bytes().to_vec();
    let mut path = Path {
        words,
        written: 0,
        end: 0,
        is_star: false,
    };
    let (mut may_have_odd_one, mut segments) = (true, 0);
    for at in 0..bytes.len() {
        let byte = bytes[at];
        match byte {
            b'?' | b'&' | b'#' => {
                if path.is_star {
                    path.star(&mut bytes);
                } else {
                    path.written = path.written.max(path.end);
                }
                bytes.truncate(path.written);
                break;
            }
            b'/' => {
                segments += 1;
                path.finish(&mut bytes);
                if segments >= MOST_SEGMENTS {
                    break;
                }
                bytes[path.written] = byte;
                path.written += 1;
                path.end = path.written;
                path.is_star = false;
                may_have_odd_one = true;
            }
            _ if path.is_star => {}
            _ => {
                bytes[path.end] = byte;
                path.end += 1;
                if !byte.is_ascii_alphabetic() && !b"-_. ".contains(&byte) {
                    // As in `v1`.
                    let is_second = path.end - path.written == 2;
                    path.is_star = !(may_have_odd_one && is_second);
                    may_have_odd_one = false;
                }
            }
        }
    }
    path.finish(&mut bytes);
    bytes.truncate(path.written);
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.into_bytes();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// How far a path is rewritten.
struct Path<'a> {
    words: &'a Words,
    /// Up to here, segments are as they shall be.
    written: usize,
    /// Up to here, the one at hand.
    end: usize,
    /// Whether the one at hand is no word, whatever else comes.
    is_star: bool,
}

impl Path<'_> {
    /// Ends a segment.
    fn finish(&mut self, bytes: &mut [u8]) {
        if self.is_star {
            self.star(bytes);
        } else if self.end > self.written {
            let segment = bytes.get(self.written..self.end).unwrap_or_default();
            if self.words.is_word(segment) {
                self.written = self.end;
            } else {
                self.star(bytes);
            }
        }
    }

    fn star(&mut self, bytes: &mut [u8]) {
        if let Some(byte) = bytes.get_mut(self.written) {
            *byte = b'*';
            self.written += 1;
        }
    }
}

/// Whether nothing is left but stars.
pub(super) fn is_only_stars(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut any = false;
    let all = segments.all(|segment| {
        any = true;
        segment == "*"
    });
    all && any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_stars() {
        let words = Words::default();
        for (path, expected) in [
            ("", ""),
            (
                "/api/users/123e4567-e89b-12d3-a456-426614174000",
                "/api/users/*",
            ),
            ("/users/fdklsd/j4elk/23993/job/2", "/users/*/j4elk/*/job/*"),
            ("123", "*"),
            ("123/", "*/"),
            ("123/ljgdflgjf", "*/*"),
            ("/products//org/3", "/products//org/*"),
            ("/v1/products/22j", "/v1/products/*"),
            ("/user_space/", "/user_space/"),
            (
                "GET /api/cart?sessionId=55f4e5ea&currency=USD",
                "GET /api/cart",
            ),
            ("/attach#section-1", "/attach"),
            ("?", ""),
            ("attach12?", "*"),
            ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/i"),
            ("/a/b/c/d/e/f/g/h/1/j", "/a/b/c/d/e/f/g/h/**"),
            ("/caf\u{e9}/x", "/*/x"),
            ("/a\u{e9}/x", "/*/x"),
        ] {
            assert_eq!(clustered(path, &words), expected, "{path}");
        }
    }

    #[test]
    fn a_path_of_nothing_but_stars_says_nothing() {
        for (path, expected) in [
            ("*", true),
            ("/*/*/", true),
            ("", false),
            ("/", false),
            ("/a/*", false),
        ] {
            assert_eq!(is_only_stars(path), expected, "{path}");
        }
    }
}
