//! A Collector's configuration out of a guide, which tests run as it stands but for what they name.

/// The text of a configuration, in block style.
#[derive(Clone, Debug)]
pub struct Configuration(String);

impl Configuration {
    /// One that listens on loopback, at free ports, where it listened on all addresses.
    pub fn new(text: &str) -> Self {
        let endpoint = |line: &str| match line.split_once("0.0.0.0:") {
            Some((before, _)) => format!("{before}127.0.0.1:0\n"),
            None => format!("{line}\n"),
        };
        Configuration(text.lines().map(endpoint).collect())
    }

    /// Takes a processor out: its settings, and its place in the pipelines.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn without(&self, processor: &str) -> Self {
        let head = format!("  {processor}:");
        let mut text = String::new();
        let (mut inside, mut found) = (false, false);
        for line in self.0.lines() {
            let indent = line.len() - line.trim_start().len();
            inside = match inside {
                true => line.is_empty() || indent > 2,
                false => line == head,
            };
            found |= inside;
            if inside {
                continue;
            }
            text.push_str(&match line.trim_start().strip_prefix("processors: [") {
                Some(list) => {
                    let ids = list.trim_end_matches(']').split(", ");
                    let others: Vec<&str> = ids.filter(|id| *id != processor).collect();
                    format!("{:indent$}processors: [{}]", "", others.join(", "))
                }
                None => line.to_owned(),
            });
            text.push('\n');
        }
        assert!(found, "no `{processor}` in\n{}", self.0);
        Configuration(text)
    }

    /// Puts another text in the place of one, wherever it stands.
    ///
    /// # Panics
    ///
    /// If it stands nowhere.
    pub fn with(&self, from: &str, to: &str) -> Self {
        assert!(self.0.contains(from), "no `{from}` in\n{}", self.0);
        Configuration(self.0.replace(from, to))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Configuration;

    #[test]
    fn only_what_is_named_is_taken_out() {
        let text = "receivers:\n  otlp:\n    endpoint: 0.0.0.0:4317\nprocessors:\n  batch:\n    timeout: 5s\n\n  tail_sampling:\n    policies:\n\n      - name: errors\n  # About attributes.\n  attributes:\nservice:\n  pipelines:\n    traces:\n      processors: [batch, tail_sampling, attributes]\n      exporters: [otlp/tempo]\n";
        let edited = Configuration::new(text)
            .without("tail_sampling")
            .with("otlp/tempo", "debug");
        assert_eq!(
            edited.text(),
            "receivers:\n  otlp:\n    endpoint: 127.0.0.1:0\nprocessors:\n  batch:\n    timeout: 5s\n\n  # About attributes.\n  attributes:\nservice:\n  pipelines:\n    traces:\n      processors: [batch, attributes]\n      exporters: [debug]\n"
        );
    }
}
