//! Named sets of faults, and how one is read from a file.

use std::path::Path;

use serde::Deserialize;

use crate::fault::Rule;

/// Those that are built in: name and text.
pub const SCENARIOS: [(&str, &str); 5] = [
    ("calm", include_str!("../scenarios/calm.toml")),
    ("publish-lies", include_str!("../scenarios/publish-lies.toml")),
    ("slow-instagram", include_str!("../scenarios/slow-instagram.toml")),
    ("flaky", include_str!("../scenarios/flaky.toml")),
    ("outage", include_str!("../scenarios/outage.toml")),
];

/// What goes wrong; nothing, unless it is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The first that fits counts.
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

/// Why a scenario can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is neither a known name nor a file.
    #[error("no scenario {name:?}; known are {known}, or name a .toml file", known = names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Why there is no such file.
        #[source]
        source: std::io::Error,
    },
    /// It can't be read.
    #[error("the scenario {name:?} is refused")]
    Unreadable {
        /// What was asked for.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl Scenario {
    /// One that is built in, or a file's.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        let built_in = SCENARIOS.into_iter().find(|(known, _)| *known == name);
        let text = match built_in {
            Some((_, text)) => text.to_owned(),
            None => std::fs::read_to_string(Path::new(name)).map_err(|source| ScenarioError::Unknown {
                name: name.to_owned(),
                source,
            })?,
        };
        toml::from_str(&text).map_err(|source| ScenarioError::Unreadable {
            name: name.to_owned(),
            source: Box::new(source),
        })
    }
}

fn names() -> Vec<&'static str> {
    SCENARIOS.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Faults;

    #[test]
    fn all_that_are_built_in_can_be_put_in_force() {
        for (name, _) in SCENARIOS {
            let scenario = Scenario::load(name).unwrap();
            assert!(
                Faults::new(scenario.rules, jiff::Timestamp::UNIX_EPOCH).is_ok(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_unknown_one_is_answered_with_those_that_there_are() {
        let refusal = Scenario::load("storm").unwrap_err().to_string();
        assert!(
            refusal.contains("\"storm\"") && refusal.contains("publish-lies"),
            "{refusal}"
        );
    }
}
