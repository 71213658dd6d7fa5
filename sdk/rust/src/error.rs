//! How a plugin says no.

/// One mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer to the place, `/actions/0/key`; empty: the whole.
    pub path: String,
    /// What is wrong and what to do, in lower case.
    pub message: String,
}

/// Why `configure` failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The settings are wrong: every mistake, not just the first.
    Settings(Vec<Problem>),
    /// The plugin cannot run here, whatever the settings.
    Unavailable(String),
}

impl ConfigError {
    /// One mistake at one place.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigError::Settings(vec![Problem {
            path: path.into(),
            message: message.into(),
        }])
    }
}

/// Why `process` failed. No attribute value may stand in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginError {
    /// This batch cannot be processed; the next may be.
    Batch(String),
    /// The plugin's own state is broken: the host makes a new instance.
    State(String),
}

/// Why a saved state could not be taken over. The old version stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// A layout that this version does not know.
    Format,
    /// The data do not have the layout. No attribute value may stand in the message.
    Data(String),
}

impl RestoreError {
    /// Data that do not have the layout, and what is wrong with them.
    pub fn data(why: impl Into<String>) -> Self {
        RestoreError::Data(why.into())
    }
}

/// Collects mistakes, so that a user sees them all at once.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a mistake: JSON pointer to the place, and what to do.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            path: path.into(),
            message: message.into(),
        });
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An error if anything was noted.
    pub fn check(self) -> Result<(), ConfigError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Settings(self.0))
        }
    }
}

/// The candidate that a misspelt name most likely means: at most two letters or a third of them differ.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = name.chars().count();
    let limit = (letters / 3).max(if letters > 3 { 2 } else { 1 });
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (place, &right) in right.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = (diagonal + usize::from(left != right))
                .min(above + 1)
                .min(row[place] + 1);
            diagonal = above;
        }
    }
    row[right.len()]
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConfigError::Settings(problems) => {
                for (place, Problem { path, message }) in problems.iter().enumerate() {
                    let separator = if place > 0 { "; " } else { "" };
                    if path.is_empty() {
                        write!(f, "{separator}{message}")?;
                    } else {
                        write!(f, "{separator}{path}: {message}")?;
                    }
                }
                Ok(())
            }
            ConfigError::Unavailable(why) => write!(f, "the plugin cannot run here: {why}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl std::fmt::Display for PluginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PluginError::Batch(why) => write!(f, "the batch cannot be processed: {why}"),
            PluginError::State(why) => write!(f, "the plugin's state is broken: {why}"),
        }
    }
}

impl std::error::Error for PluginError {}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestoreError::Format => f.write_str("the saved state has a format that is not known"),
            RestoreError::Data(why) => write!(f, "the saved state cannot be read: {why}"),
        }
    }
}

impl std::error::Error for RestoreError {}
