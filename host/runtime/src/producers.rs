//! What a component was written in and made with, as its tools have noted it: the custom sections `producers`.

use std::collections::BTreeSet;

use wasmparser::{KnownCustom, Parser, Payload};

/// The most notes that are read.
const MAX: usize = 64;

/// What the tools that made a component say of it, each with its version. Nobody checks what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Producers {
    /// Languages of its sources, such as `Rust 1.95.0`.
    pub languages: Vec<String>,
    /// Compilers and other tools, such as `clang 14.0.6`.
    pub tools: Vec<String>,
}

/// Reads the notes in a component and in all that it is made of; nothing of what is not understood.
pub fn producers(wasm: &[u8]) -> Producers {
    let mut languages = BTreeSet::new();
    let mut tools = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(payload) = payload else { break };
        let Payload::CustomSection(section) = payload else {
            continue;
        };
        let KnownCustom::Producers(fields) = section.as_known() else {
            continue;
        };
        for field in fields.into_iter().filter_map(Result::ok) {
            let noted = match field.name {
                "language" => &mut languages,
                _ => &mut tools,
            };
            for value in field.values.into_iter().filter_map(Result::ok) {
                if noted.len() < MAX {
                    let note = format!("{} {}", value.name, value.version);
                    noted.insert(crate::error::words(note.trim_end()));
                }
            }
        }
    }
    Producers {
        languages: languages.into_iter().collect(),
        tools: tools.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with its length.
    fn text(text: &str) -> Vec<u8> {
        [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    /// A module, as it is, or in a component.
    fn module(in_component: bool) -> Vec<u8> {
        let field = |name: &str, values: &[(&str, &str)]| {
            let values: Vec<u8> = values
                .iter()
                .flat_map(|(name, version)| [text(name), text(version)].concat())
                .collect();
            (text(name), values)
        };
        let (language, languages) = field("language", &[("Rust", "1.95"), ("C11", "")]);
        let (tool, tools) = field("processed-by", &[("clang", "14")]);
        let content = [
            text("producers"),
            vec![2],
            language,
            vec![2],
            languages,
            tool,
            vec![1],
            tools,
        ]
        .concat();
        let length = u8::try_from(content.len()).unwrap();
        let module = [b"\0asm\x01\0\0\0".as_slice(), &[0, length], &content].concat();
        match in_component {
            false => module,
            true => {
                let length = u8::try_from(module.len()).unwrap();
                [b"\0asm\x0d\0\x01\0".as_slice(), &[1, length], &module].concat()
            }
        }
    }

    #[test]
    fn notes_are_found_in_a_component_s_modules() {
        let expected = Producers {
            languages: vec!["C11".to_owned(), "Rust 1.95".to_owned()],
            tools: vec!["clang 14".to_owned()],
        };
        for in_component in [false, true] {
            assert_eq!(producers(&module(in_component)), expected);
        }
        let whole = module(true);
        for length in 0..whole.len() {
            producers(&whole[..length]);
        }
        assert_eq!(producers(b"text"), Producers::default());
    }
}
