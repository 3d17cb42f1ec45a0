//! `fanfare recipients`: imports lists of people who consented to advertising, and
//! forgets those who ask for it. Works on the files beside the service.

use std::path::{Path, PathBuf};

use anyhow::Context;
use fanfare_core::ids::TenantId;
use serde_json::json;

use super::failure::Failure;
use super::screen::Screen;
use super::{Common, config};
use crate::recipients::{ListError, RecipientLists};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose lists
    #[arg(long, default_value = "default", global = true)]
    tenant: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Replace a list by a table of people and what proves their consent
    Import {
        /// The list's name, as requests give it in recipientListRef
        list: String,
        /// A CSV file: number,who,at,how,advertising,night,`withdrawn_at`,`reconfirmed_at`
        csv: PathBuf,
    },
    /// Take a number out of every list of the tenant, for good: a later import leaves it out
    Forget {
        /// A mobile number
        number: String,
    },
}

pub(super) fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let config = config::load(common)?;
    let lists = RecipientLists::configured(&config);
    let Some(lists) = lists.map_err(|error| Failure::Usage(format!("recipients_key is refused: {error}")))? else {
        return Err(Failure::Usage(
            "recipients_key (FANFARE_RECIPIENTS_KEY) is missing: 32 random bytes in base64, such as `openssl rand \
             -base64 32` gives. Keep it: without it the lists can't be read."
                .to_owned(),
        ));
    };
    let tenant = TenantId::new(args.tenant.as_str());
    let (value, words) = match &args.command {
        Command::Import { list, csv } => import(&lists, &tenant, list, csv)?,
        Command::Forget { number } => {
            let found = lists.forget(&tenant, number).map_err(refused)?;
            (
                json!({ "lists": found }),
                format!("Forgotten; it was on {found} lists."),
            )
        }
    };
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{value:#}"));
    }
    screen.say(words)
}

fn import(
    lists: &RecipientLists,
    tenant: &TenantId,
    list: &str,
    csv: &Path,
) -> Result<(serde_json::Value, String), Failure> {
    let text = std::fs::read_to_string(csv).with_context(|| format!("{} can't be read", csv.display()))?;
    let imported = lists.import(tenant, list, &text).map_err(refused)?;
    let value = json!({"people": imported.people, "suppressed": imported.suppressed});
    let words = format!(
        "{list} has {} people now; {} were left out, since they want nothing more.",
        imported.people, imported.suppressed
    );
    Ok((value, words))
}

fn refused(error: ListError) -> Failure {
    match error {
        ListError::Seal(_) | ListError::OtherKey(_) | ListError::UnknownKey(_) | ListError::File(..) => {
            Failure::Broken(error.into())
        }
        ListError::Table(_) | ListError::Name | ListError::Number => {
            Failure::Usage(format!("{:#}", anyhow::Error::new(error)))
        }
    }
}
