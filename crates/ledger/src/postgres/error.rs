//! What can go wrong in here, before it is known what was being done, and what
//! follows from it: try again, wait, or give up for ever.

use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// A failure of the database, or of reading what it holds.
#[derive(Debug)]
pub(super) enum SqlError {
    Postgres(tokio_postgres::Error),
    Unreadable(String),
    /// Somebody else has written in between: the whole is to be done again.
    Conflict(&'static str),
    /// It took longer than it may.
    TimedOut,
    /// No connection could be made.
    Away(tokio_postgres::Error),
    /// Known before, and final.
    Refused(StoreError),
}

impl SqlError {
    /// Says what was being done.
    pub(super) fn while_to(self, doing: &'static str) -> StoreError {
        let source: Box<dyn std::error::Error + Send + Sync> = match self {
            Self::Postgres(error) | Self::Away(error) => match error.as_db_error() {
                // Its details may repeat what was to be written.
                Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code().code()).into(),
                None => Box::new(error),
            },
            Self::Unreadable(what) => return StoreError::Corrupt { what },
            Self::Conflict(what) => format!("others kept writing in between ({what})").into(),
            Self::TimedOut => "it did not answer in time".into(),
            Self::Refused(error) => return error,
        };
        StoreError::Database { doing, source }
    }

    /// Whether doing the whole transaction again can help: another node was in
    /// the way, or the connection was lost. What had been written before that
    /// is recognised.
    pub(super) fn may_be_tried_again(&self) -> bool {
        match self {
            Self::Conflict(_) => true,
            Self::Postgres(error) => error.is_closed() || error.code().is_none_or(is_passing),
            Self::Unreadable(_) | Self::TimedOut | Self::Away(_) | Self::Refused(_) => false,
        }
    }
}

/// Of others' doing, and over when it is reported.
fn is_passing(state: &SqlState) -> bool {
    [
        SqlState::UNIQUE_VIOLATION,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(state)
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(error: tokio_postgres::Error) -> Self {
        // Nothing here divides but an update whose rows are not as they had been (`rows.rs`).
        if error.code() == Some(&SqlState::DIVISION_BY_ZERO) {
            return Self::Conflict("a row was not as it had been");
        }
        Self::Postgres(error)
    }
}

/// Why no connection could be made. Waiting helps where the server is away,
/// starting, or full; not where it says no.
pub(super) fn while_connecting(error: tokio_postgres::Error) -> SqlError {
    let final_word = match error.as_db_error() {
        Some(said) => says_no(said.code()).then(|| said.message().to_owned()),
        None => tls_fault(&error),
    };
    match final_word {
        Some(why) => SqlError::Refused(StoreError::Unusable(format!(
            "the database of the setting database_url (FANFARE_DATABASE_URL) cannot be used: {why}"
        ))),
        None => SqlError::Away(error),
    }
}

fn says_no(state: &SqlState) -> bool {
    [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ]
    .contains(state)
}

/// A certificate that is not believed, or a server without TLS where it is
/// required, in its own words; a connection that broke is neither.
fn tls_fault(error: &tokio_postgres::Error) -> Option<String> {
    let words = error.to_string();
    if words.contains("authentication") || words.contains("invalid configuration") {
        return Some(chain(error));
    }
    let source = std::error::Error::source(error)?;
    let of_tls = words.contains("TLS");
    let broke = source
        .downcast_ref::<std::io::Error>()
        .is_some_and(|io| io.kind() != std::io::ErrorKind::InvalidData);
    (of_tls && !broke).then(|| chain(error))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}
