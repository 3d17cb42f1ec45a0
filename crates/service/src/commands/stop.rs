//! `fanfare stop`: stops all sending, or one tenant's, or lets it go on.

use serde_json::{Map, Value};

use super::answer::text;
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("order").required(true).multiple(true))]
pub(super) struct Args {
    /// Everybody's sending
    #[arg(long, conflicts_with_all = ["tenant", "own"])]
    all: bool,
    /// This tenant's
    #[arg(long, value_name = "TENANT", conflicts_with = "own")]
    tenant: Option<String>,
    /// That of the key's own tenant
    #[arg(long)]
    own: bool,
    /// Let it go on
    #[arg(long, group = "order")]
    resume: bool,
    /// Why, for those who ask later; a stop must say it
    #[arg(long, value_name = "WORDS", group = "order")]
    reason: Option<String>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut body = Map::new();
    // Without any of the three, the service says what is missing.
    let scope = [(args.all, "all"), (args.own || args.tenant.is_some(), "tenant")];
    if let Some((_, scope)) = scope.iter().find(|(meant, _)| *meant) {
        body.insert("scope".to_owned(), (*scope).into());
    }
    body.insert("action".to_owned(), if args.resume { "resume" } else { "stop" }.into());
    for (name, value) in [("tenant", &args.tenant), ("reason", &args.reason)] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.clone().into());
        }
    }
    let body = Value::Object(body).to_string().into();
    let json = common
        .client()?
        .post("/api/stop", body, &[], client::TIMEOUT)
        .await?
        .json()?;
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{json:#}"));
    }
    let whose = match &*text(&json["tenant"]) {
        "" => "All sending".to_owned(),
        tenant => format!("The sending of {tenant}"),
    };
    let what = if args.resume { "goes on" } else { "is stopped" };
    screen.say(format_args!("{whose} {what}; every node obeys within two seconds."))
}
