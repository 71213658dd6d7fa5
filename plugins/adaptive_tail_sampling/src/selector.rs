//! Entries of `fingerprint_attributes`: `resource.attributes["service.name"]`.

/// Where an entry looks for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Resource,
    Scope,
    Span,
    /// The spans that meet the root span condition.
    Root,
    /// Resources, instrumentation scopes and spans.
    Any,
}

const ORIGINS: [(&str, Origin); 5] = [
    ("resource", Origin::Resource),
    ("scope", Origin::Scope),
    ("span", Origin::Span),
    ("root", Origin::Root),
    ("any", Origin::Any),
];

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    pub origin: Origin,
    pub key: String,
}

impl Selector {
    /// Reads an entry; what is wrong with it, and what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Selector, String> {
        let shape =
            "<scope>.attributes[\"<key>\"], where the scope is resource, scope, span, root or any";
        let (scope, rest) = text.split_once('.').unwrap_or((text, ""));
        let Some((_, origin)) = ORIGINS.iter().find(|(name, _)| *name == scope) else {
            return Err(format!(
                "{text:?} names no scope; write {shape}: any.attributes[\"http.route\"]"
            ));
        };
        let key = rest
            .strip_prefix("attributes[\"")
            .and_then(|rest| rest.strip_suffix("\"]"));
        match key {
            Some(key) if !key.is_empty() && !key.contains('"') => Ok(Selector {
                origin: *origin,
                key: key.to_owned(),
            }),
            _ => Err(format!("{text:?} names no attribute; write {shape}")),
        }
    }

    /// The entry as it is written.
    pub(crate) fn text(&self) -> String {
        let named = ORIGINS.iter().find(|(_, origin)| *origin == self.origin);
        let scope = named.map_or("", |(name, _)| name);
        format!("{scope}.attributes[\"{}\"]", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_written_again() {
        for (text, origin, key) in [
            (
                "resource.attributes[\"service.name\"]",
                Origin::Resource,
                "service.name",
            ),
            ("scope.attributes[\"a\"]", Origin::Scope, "a"),
            ("span.attributes[\"x]\"]", Origin::Span, "x]"),
            ("root.attributes[\"b.c\"]", Origin::Root, "b.c"),
            ("any.attributes[\"d\"]", Origin::Any, "d"),
        ] {
            let selector = Selector::parse(text).unwrap();
            assert_eq!((selector.origin, selector.key.as_str()), (origin, key));
            assert_eq!(selector.text(), text);
        }
    }

    #[test]
    fn what_is_no_entry_is_told_how_to_be_one() {
        for text in [
            "http.route",
            "service",
            "",
            "span.name",
            "span.attributes[http.route]",
            "span.attributes[\"\"]",
            "span.attributes[\"a\"][\"b\"]",
            "trace.attributes[\"a\"]",
        ] {
            let message = Selector::parse(text).unwrap_err();
            assert!(message.contains("attributes[\"<key>\"]"), "{message}");
        }
    }
}
