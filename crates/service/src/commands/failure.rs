//! How a command can end badly: in words for people, as a number for scripts.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::Value;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The service or the command failed.
    Broken(anyhow::Error),
    /// The command line or the configuration is wrong.
    Usage(String),
    /// The service refused the request.
    Refused(Problem),
    /// The distribution did not (fully) succeed; the command has said so.
    NotDone,
    /// There is no service.
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// Why not.
        why: String,
    },
    /// Whoever read our output has had enough (`| head`).
    Closed,
}

/// What the service answers where it refuses (RFC 9457).
#[derive(Debug)]
pub(super) struct Problem {
    /// The HTTP status.
    pub(super) status: u16,
    /// The answer's body, `null` where it was not JSON.
    pub(super) body: Value,
}

impl Failure {
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Closed => 0,
            Self::Broken(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::NotDone => 4,
            Self::Unreachable { .. } => 5,
        })
    }

    /// Says it: on stderr, and with `json` a refusal's body on stdout too.
    pub(super) fn report(&self, json: bool) {
        let said = match self {
            Self::Closed | Self::NotDone => return,
            Self::Broken(error) => format!("fanfare: {error:#}"),
            Self::Usage(what) => format!("fanfare: {}", what.trim_end()),
            Self::Refused(problem) => {
                if json {
                    // Nobody left to tell where stdout is closed.
                    _ = writeln!(io::stdout(), "{:#}", problem.body);
                }
                problem.to_string()
            }
            Self::Unreachable { url, why } => format!(
                "fanfare: no service answers at {url} ({why}). Start one with `fanfare serve`, or say where it is \
                 with --url or FANFARE_URL."
            ),
        };
        _ = writeln!(io::stderr(), "{said}");
    }
}

impl Problem {
    /// What to do on this side.
    fn hint(&self) -> Option<&'static str> {
        match self.status {
            401 => Some(
                "Put a key in the variable FANFARE_API_KEY; `fanfare keys create`, beside the database, makes one.",
            ),
            403 => Some("Put a key that may do this in FANFARE_API_KEY; `fanfare keys list` shows what each may do."),
            _ => None,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |key: &str| self.body[key].as_str().unwrap_or_default();
        write!(f, "fanfare: the service refused the request ({}", self.status)?;
        for (before, key) in [(" ", "code"), ("): ", "title")] {
            if !text(key).is_empty() || key == "title" {
                write!(f, "{before}{}", text(key))?;
            }
        }
        if !text("detail").is_empty() {
            write!(f, "\n  {}", text("detail"))?;
        }
        for fault in self.body["errors"].as_array().into_iter().flatten() {
            let text = |key: &str| fault[key].as_str().unwrap_or_default();
            let pointer = Some(text("pointer"))
                .filter(|pointer| !pointer.is_empty())
                .unwrap_or("(the whole body)");
            write!(f, "\n  {pointer}  {}\n      {}", text("code"), text("detail"))?;
        }
        if let Some(hint) = self.hint() {
            write!(f, "\n  {hint}")?;
        }
        match text("traceId") {
            "" => Ok(()),
            trace => write!(f, "\n  trace {trace}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Broken(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_each_fault_by_its_pointer() {
        let body = json!({
            "title": "The request cannot be distributed", "status": 422, "code": "validation_failed",
            "detail": "2 faults were found.", "traceId": "4bf9",
            "errors": [
                {"pointer": "/channels/0", "code": "unknown_channel", "detail": "did you mean `KakaoChannel`?"},
                {"pointer": "", "code": "missing", "detail": "contentUrls is missing"},
            ],
        });
        let said = Problem { status: 422, body }.to_string();
        for words in [
            "(422 validation_failed): The request",
            "/channels/0  unknown_channel",
            "`KakaoChannel`",
            "(the whole body)",
            "trace 4bf9",
        ] {
            assert!(said.contains(words), "{words:?} is missing in\n{said}");
        }
    }

    #[test]
    fn a_refusal_without_a_readable_body_still_says_something() {
        let said = Problem {
            status: 404,
            body: Value::Null,
        }
        .to_string();
        assert_eq!(said, "fanfare: the service refused the request (404): ");
    }
}
