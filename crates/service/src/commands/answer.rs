//! What the service answers about a distribution, read leniently: the service
//! may be newer than this program, its words may have grown.

use anyhow::{Context, anyhow};
use fanfare_core::channel::Channel;
use serde_json::{Map, Value};

use super::failure::Failure;

/// A distribution as `distribute`, a look at it, or an event shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) distribution_id: String,
    pub(super) event_id: String,
    pub(super) status: String,
    pub(super) rows: Vec<Row>,
}

/// One channel's result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) channel: String,
    pub(super) status: String,
    pub(super) mode: String,
    pub(super) channel_state: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_at: String,
    /// Where a person finishes it, and until when.
    pub(super) action_url: String,
    pub(super) action_until: String,
    /// What the channel gave, by the wire's names.
    pub(super) fields: Vec<(String, String)>,
}

impl Answer {
    pub(super) fn read(value: &Value) -> Result<Self, Failure> {
        let results = value["results"]
            .as_array()
            .context("the answer has no `results`; is it fanfare that answered?")?;
        Ok(Self {
            distribution_id: text(&value["distributionId"]),
            event_id: text(&value["eventId"]),
            status: text(&value["status"]),
            rows: results.iter().map(Row::read).collect::<Result<_, _>>()?,
        })
    }

    /// Something will still happen within seconds.
    pub(super) fn moves(&self) -> bool {
        self.rows.iter().any(Row::moves)
    }

    pub(super) fn succeeded(&self) -> usize {
        self.rows.iter().filter(|row| row.status == "SUCCESS").count()
    }

    /// All chosen channels succeeded; anything else is exit code 4.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        if self.succeeded() == self.rows.len() {
            Ok(())
        } else {
            Err(Failure::NotDone)
        }
    }
}

impl Row {
    fn read(value: &Value) -> Result<Self, Failure> {
        let Value::Object(object) = value else {
            return Err(anyhow!("an entry of `results` is no object").into());
        };
        let mut rest: Map<String, Value> = object.clone();
        let mut take = |key: &str| rest.remove(key).as_ref().map(text).unwrap_or_default();
        let mut row = Self {
            channel: take("channel"),
            status: take("status"),
            mode: take("mode"),
            channel_state: take("channelState"),
            code: take("code"),
            message: take("message"),
            retry_at: take("retryAt"),
            action_url: take("actionUrl"),
            action_until: take("actionUntil"),
            fields: Vec::new(),
        };
        row.fields = rest
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), text(value)))
            .collect();
        Ok(row)
    }

    pub(super) fn moves(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "IN_PROGRESS" | "RETRYING")
    }

    /// As shop owners know it.
    pub(super) fn name(&self) -> &str {
        name_of(&self.channel)
    }
}

/// The Korean name of a channel; the wire's for one that we do not know.
pub(super) fn name_of(channel: &str) -> &str {
    match Channel::from_name(channel) {
        Some(known) => known.korean_name(),
        None => channel,
    }
}

/// A value as people read it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(parts) => {
            let parts: Vec<_> = parts
                .iter()
                .map(|(key, value)| format!("{key} {}", text(value)))
                .collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_what_is_not_known_otherwise() {
        let answer = Answer::read(&json!({
            "distributionId": "d", "eventId": "e", "status": "PARTIALLY_COMPLETED", "successChannels": ["WooridongneTV"],
            "results": [
                {"channel": "WooridongneTV", "status": "SUCCESS", "mode": "mock", "channelState": "accepted",
                 "distributionId": "w", "estimatedViews": 1000},
                {"channel": "Telepathy", "status": "WAITING", "mode": "live", "retryAt": "2026-11-22T00:00:00Z", "code": "night"},
            ],
        }))
        .unwrap();
        assert_eq!(answer.rows[0].name(), "우리동네TV");
        assert_eq!(
            answer.rows[0].fields,
            [
                ("distributionId".to_owned(), "w".to_owned()),
                ("estimatedViews".to_owned(), "1000".to_owned())
            ]
        );
        assert_eq!(
            (answer.rows[1].name(), answer.rows[1].code.as_str()),
            ("Telepathy", "night")
        );
        assert!(!answer.moves() && matches!(answer.verdict(), Err(Failure::NotDone)));
    }

    #[test]
    fn another_program_s_answer_is_not_taken_for_ours() {
        assert!(Answer::read(&json!({"hello": "world"})).is_err());
        assert!(Answer::read(&json!({"results": ["x"]})).is_err());
    }
}
