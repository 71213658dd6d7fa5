//! A byte that every match of a pattern has, together with what may stand right before and behind it there: the space of
//! `[0-9]{4} [0-9]{4}` stands in many a text, but seldom between digits.

use memchr::memchr;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::lead::Lead;
use crate::rank::rank;

/// Bytes from one to another.
type Bytes = (u8, u8);

/// The byte and its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    byte: u8,
    /// Whether the byte is rare enough to be looked for by itself.
    is_rare: bool,
    /// What may stand before it; nothing, if anything may, or there need be nothing.
    before: Option<Bytes>,
    behind: Option<Bytes>,
    /// Where a match begins that has the byte at some place, if that can be told.
    lead: Option<Lead>,
}

/// Bytes looked at in one turn: in a sandbox each turn of a loop looks at the clock.
const TURN: usize = 64;

impl Anchor {
    /// The anchor of a pattern that says most.
    pub(crate) fn of(hir: &Hir) -> Option<Self> {
        let mut parts = Vec::new();
        flatten(hir, &mut parts);
        let mut anchors = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let HirKind::Literal(literal) = part.kind() else {
                continue;
            };
            let before = number
                .checked_sub(1)
                .and_then(|before| edge(parts[before], true));
            let behind = parts.get(number + 1).and_then(|behind| edge(behind, false));
            let one = |byte: &u8| (*byte, *byte);
            for (at, &byte) in literal.0.iter().enumerate() {
                let inside = at.checked_sub(1).and_then(|before| literal.0.get(before));
                anchors.push(Anchor {
                    byte,
                    is_rare: rank(byte) == 0,
                    before: inside.map(one).or(before),
                    behind: literal.0.get(at + 1).map(one).or(behind),
                    lead: Lead::of(hir, &parts[..number], at, byte),
                });
            }
        }
        // The rarest byte, then the narrowest neighbours.
        let width =
            |bytes: Option<Bytes>| bytes.map_or(256, |(least, most)| u32::from(most - least));
        anchors.into_iter().min_by_key(|anchor| {
            (
                rank(anchor.byte),
                width(anchor.before) + width(anchor.behind),
            )
        })
    }

    /// Where a match begins that has its anchor at a place, from `from` on. Nothing: there is none, or where is not
    /// known; see [`Anchor::leads`].
    pub(crate) fn start(&self, bytes: &[u8], from: usize, at: usize) -> Option<usize> {
        self.lead.as_ref()?.start(bytes, from, at)
    }

    /// Whether its byte is rare enough to be looked for by itself.
    pub(crate) fn is_rare(&self) -> bool {
        self.is_rare
    }

    /// Whether an anchor tells where its match begins.
    pub(crate) fn leads(&self) -> bool {
        self.lead.is_some()
    }

    /// Where the anchor stands next in some bytes, from a place on.
    #[inline(never)]
    pub(crate) fn next(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        if self.is_rare {
            while let Some(found) = memchr(self.byte, bytes.get(at..)?) {
                at += found;
                if self.stands(bytes, at) {
                    return Some(at);
                }
                at += 1;
            }
            return None;
        }
        if self.stands(bytes, at) {
            return Some(at);
        }
        // A turn is about the bytes between its first and its last, which are there as neighbours.
        while let Some(turn) = (bytes.get(at..)).and_then(|rest| rest.first_chunk::<{ TURN + 2 }>())
        {
            if self.stands_within(turn)
                && let Some(found) = (at + 1..=at + TURN).find(|&at| self.stands(bytes, at))
            {
                return Some(found);
            }
            at += TURN;
        }
        (at..bytes.len()).find(|&at| self.stands(bytes, at))
    }

    /// Whether the anchor stands at a place.
    fn stands(&self, bytes: &[u8], at: usize) -> bool {
        let fits = |wanted: Option<Bytes>, at: Option<usize>| match wanted {
            None => true,
            Some((least, most)) => {
                let byte = at.and_then(|at| bytes.get(at));
                byte.is_some_and(|byte| (least..=most).contains(byte))
            }
        };
        bytes.get(at) == Some(&self.byte)
            && fits(self.before, at.checked_sub(1))
            && fits(self.behind, at.checked_add(1))
    }

    /// Whether it stands between the first and the last of some bytes. Many are compared by one instruction.
    #[inline]
    fn stands_within(&self, bytes: &[u8; TURN + 2]) -> bool {
        let (before, behind) = (
            self.before.unwrap_or((0, 255)),
            self.behind.unwrap_or((0, 255)),
        );
        let (before_width, behind_width) = (before.1 - before.0, behind.1 - behind.0);
        let mut any = false;
        for at in 0..TURN {
            let fits_before = bytes[at].wrapping_sub(before.0) <= before_width;
            let fits_behind = bytes[at + 2].wrapping_sub(behind.0) <= behind_width;
            any |= (bytes[at + 1] == self.byte) & fits_before & fits_behind;
        }
        any
    }
}

/// The parts of a pattern that follow each other in every match.
pub(crate) fn flatten<'h>(hir: &'h Hir, parts: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        HirKind::Concat(inner) => inner.iter().for_each(|part| flatten(part, parts)),
        // What matches no bytes parts none.
        HirKind::Look(_) | HirKind::Empty => {}
        _ => parts.push(hir),
    }
}

/// Between which bytes the last or first byte of a part is, if it has one for sure.
fn edge(hir: &Hir, last: bool) -> Option<Bytes> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(literal) => {
            let byte = if last {
                literal.0.last()
            } else {
                literal.0.first()
            };
            byte.map(|&byte| (byte, byte))
        }
        HirKind::Class(Class::Unicode(class)) => {
            // The bytes of what is not ASCII are all from 0x80 on.
            let least = class.ranges().first()?.start();
            let most = class.ranges().last()?.end();
            Some((
                u8::try_from(least).unwrap_or(0x80).min(0x80),
                if most.is_ascii() { most as u8 } else { 0xff },
            ))
        }
        HirKind::Class(Class::Bytes(class)) => Some((
            class.ranges().first()?.start(),
            class.ranges().last()?.end(),
        )),
        HirKind::Repetition(repetition) if repetition.min > 0 => edge(&repetition.sub, last),
        HirKind::Repetition(_) => None,
        HirKind::Capture(capture) => edge(&capture.sub, last),
        HirKind::Concat(_) => {
            let mut parts = Vec::new();
            flatten(hir, &mut parts);
            edge(if last { parts.last()? } else { parts.first()? }, last)
        }
        HirKind::Alternation(cases) => {
            let edges: Option<Vec<Bytes>> = cases.iter().map(|case| edge(case, last)).collect();
            let edges = edges?;
            let least = edges.iter().map(|(least, _)| *least).min()?;
            Some((least, edges.iter().map(|(_, most)| *most).max()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate;

    fn anchor(pattern: &str) -> Option<Anchor> {
        Anchor::of(&regex_syntax::parse(&translate(pattern)).unwrap())
    }

    #[test]
    fn an_anchor_is_the_rarest_byte_with_the_narrowest_neighbours() {
        let digits = Some((b'0', b'9'));
        for (pattern, expected) in [
            ("4[0-9]{3} [0-9]{4}", Some((b' ', digits, digits))),
            (r"\b\d{3}-\d{2}\b", Some((b'-', digits, digits))),
            (
                "([a-f]+)@(?:[0-9]|x)",
                Some((b'@', Some((b'a', b'f')), Some((b'0', b'x')))),
            ),
            ("[a-f]*@[0-9]?", Some((b'@', None, None))),
            ("@", Some((b'@', None, None))),
            ("a@b", Some((b'@', Some((b'a', b'a')), Some((b'b', b'b'))))),
            ("x(ab|@)+y", Some((b'x', None, Some((b'@', b'a'))))),
            (
                "[é-í]:\\pL",
                Some((b':', Some((0x80, 0xff)), Some((b'A', 0xff)))),
            ),
            ("[^a]: ", Some((b':', Some((0, 0xff)), Some((b' ', b' '))))),
            ("(?i)secret", None),
            ("a|@", None),
        ] {
            let found = anchor(pattern).map(|anchor| (anchor.byte, anchor.before, anchor.behind));
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn an_anchor_is_found_wherever_it_stands() {
        for pattern in ["[0-9] [0-9]", "[0-9]-[0-9]", " [0-9]", "[0-9] ", "x[0-9]*"] {
            let anchor = anchor(pattern).unwrap();
            for length in 0..200 {
                assert_eq!(anchor.next(&vec![b'-'; length], 0), None);
                for at in 0..length {
                    let mut bytes: Vec<u8> = b" _".iter().cycle().take(length).copied().collect();
                    bytes[at] = anchor.byte;
                    if at > 0 {
                        bytes[at - 1] = b'7';
                    }
                    if let Some(behind) = bytes.get_mut(at + 1) {
                        *behind = b'8';
                    }
                    let first = (0..length).find(|&at| anchor.stands(&bytes, at));
                    assert_eq!(anchor.next(&bytes, 0), first, "{pattern} {length} {at}");
                    for from in [at / 2, at, at + 1] {
                        let next = (from..length).find(|&at| anchor.stands(&bytes, at));
                        assert_eq!(anchor.next(&bytes, from), next, "{pattern} {length} {from}");
                    }
                    assert!(first.is_some() || at == 0 || at + 1 == length);
                }
            }
        }
    }
}
