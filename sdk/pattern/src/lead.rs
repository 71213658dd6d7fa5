//! Where a match begins, told by where its anchor stands: so that a match is looked for from there on, and not from
//! wherever one might begin.

use regex_syntax::hir::{Hir, HirKind};

use crate::run::ascii_bytes;

/// What a pattern has before its anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lead {
    /// So many bytes.
    Bytes(usize),
    /// As many of some bytes as there are, the anchor's not among them, and at least so many.
    Run {
        bytes: Box<[bool; 256]>,
        least: usize,
    },
}

impl Lead {
    /// What stands before the byte at `offset` of the literal behind some parts of a pattern.
    pub(crate) fn of(pattern: &Hir, parts: &[&Hir], offset: usize, anchor: u8) -> Option<Self> {
        let lengths = parts.iter().map(|part| {
            let properties = part.properties();
            let length = properties.minimum_len()?;
            (properties.maximum_len() == Some(length)).then_some(length)
        });
        if let Some(length) = lengths.sum::<Option<usize>>() {
            return Some(Lead::Bytes(length + offset));
        }
        // Where something is asked of what stands around, a match may begin in the middle of a run.
        let ([part], 0, true) = (parts, offset, pattern.properties().look_set().is_empty()) else {
            return None;
        };
        let mut part = *part;
        while let HirKind::Capture(capture) = part.kind() {
            part = &capture.sub;
        }
        let HirKind::Repetition(repetition) = part.kind() else {
            return None;
        };
        let bytes = ascii_bytes(&repetition.sub)?;
        (repetition.max.is_none() && !bytes[usize::from(anchor)]).then_some(Lead::Run {
            bytes,
            least: repetition.min as usize,
        })
    }

    /// Where a match begins that has its anchor at a place; from `from` on.
    pub(crate) fn start(&self, text: &[u8], from: usize, at: usize) -> Option<usize> {
        match self {
            Lead::Bytes(length) => at.checked_sub(*length).filter(|&start| start >= from),
            Lead::Run { bytes, least } => {
                let before = text.get(from..at)?.iter().rev();
                let run = before.take_while(|byte| bytes[usize::from(**byte)]).count();
                (run >= *least).then_some(at - run)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::anchor::Anchor;
    use crate::translate;

    #[test]
    fn a_match_begins_where_its_anchor_says() {
        for (pattern, text, at, start) in [
            ("[a-z.]+@x", "1a.b@x", 4, Some(1)),
            ("[a-z.]*@x", "1@x", 1, Some(1)),
            ("([a-z.]{2,})@x", "1a@x", 2, None),
            ("[0-9]{4} [0-9]", "123456 7", 6, Some(2)),
            ("[0-9]{4} [0-9]", "123 7", 3, None),
            (r"\bid: \d", "id: 1", 2, Some(0)),
            ("(?:ab|cd)@", "xab@", 3, Some(1)),
            ("eyJ[a-z]", "xeyJa", 3, Some(1)),
        ] {
            let anchor = Anchor::of(&regex_syntax::parse(&translate(pattern)).unwrap()).unwrap();
            let text = text.as_bytes();
            assert!(anchor.leads(), "{pattern}");
            assert_eq!(anchor.next(text, 0), Some(at), "{pattern}");
            assert_eq!(anchor.start(text, 0, at), start, "{pattern}");
            assert!(anchor.start(text, at, at).is_none_or(|start| start == at));
        }
        for pattern in [
            "[a-z@]+@",
            r"\b[a-z.]+@",
            "[a-z]{1,3}@",
            "[é]+@",
            "a?b+@",
            "(?:ab)+@",
        ] {
            let anchor = Anchor::of(&regex_syntax::parse(&translate(pattern)).unwrap()).unwrap();
            assert!(!anchor.leads(), "{pattern}");
        }
    }
}
