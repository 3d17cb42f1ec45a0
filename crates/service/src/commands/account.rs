//! `fanfare channels account`: a tenant's own account on a channel, handed over to a
//! running service, shown and removed. Its token is read from the standard input or a
//! file, never from the command line, which every user of the machine can read.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Map, Value};

use super::answer::text;
use super::channels;
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client};

/// Longest token that is read.
const INPUT_MAX: u64 = 8_192;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hand an account over, or a new token of it: the token is read from the standard input
    Set(Box<Set>),
    /// Show which account it is, and how its token stands, without the token
    Show(Whose),
    /// Forget it; the configured one takes its place, where that may be
    Remove(Whose),
}

#[derive(Debug, clap::Args)]
struct Whose {
    /// The channel, such as Instagram
    channel: String,
    /// Whose account; without it, that of the key's own tenant. Another's is for the operator
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Set {
    #[command(flatten)]
    whose: Whose,
    /// Read the token from this file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// It has none, and nothing is read: Naver Blog, where a person posts
    #[arg(long, conflicts_with = "token_file")]
    without_token: bool,
    /// Instagram: the professional account's id. 지니TV: the advertiser's account. Naver Blog: the blog's id
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// 지니TV: what is booked, by the channel's own name
    #[arg(long, value_name = "ID")]
    product_id: Option<String>,
    /// Kakao Channel: the NHN Cloud project's app key
    #[arg(long, value_name = "KEY")]
    app_key: Option<String>,
    /// Kakao Channel: the sender profile's key
    #[arg(long, value_name = "KEY")]
    sender_key: Option<String>,
    /// Kakao Channel: whose advertising it is, as people know them
    #[arg(long, value_name = "NAME")]
    sender_name: Option<String>,
    /// Kakao Channel: the 080 number where people opt out
    #[arg(long, value_name = "NUMBER")]
    unsubscribe_number: Option<String>,
    /// Kakao Channel: the list of requests that name none
    #[arg(long, value_name = "LIST")]
    recipient_list: Option<String>,
    /// Naver Blog by `metaweblog`: where the blog takes posts by XML-RPC
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

impl Whose {
    fn path(&self) -> String {
        let path = format!("/api/channels/{}/account", client::segment(&self.channel));
        match &self.tenant {
            Some(tenant) => format!("{path}?tenant={}", client::segment(tenant)),
            None => path,
        }
    }
}

impl Set {
    fn body(&self, token: Option<String>) -> Value {
        let ids = [
            ("accountId", &self.account_id),
            ("productId", &self.product_id),
            ("appKey", &self.app_key),
            ("senderKey", &self.sender_key),
            ("senderName", &self.sender_name),
            ("unsubscribeNumber", &self.unsubscribe_number),
            ("recipientList", &self.recipient_list),
            ("endpoint", &self.endpoint),
        ];
        let given = ids.into_iter().filter_map(|(name, id)| Some((name, id.clone()?)));
        let fields = given.chain(token.map(|token| ("accessToken", token)));
        let fields = fields.map(|(name, text)| (name.to_owned(), Value::from(text)));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let service = common.client()?;
    let reply = match &args.command {
        Command::Set(set) => {
            let body = set.body(token(set)?).to_string();
            service.put(&set.whose.path(), body.into()).await?
        }
        Command::Show(whose) => service.get(&whose.path()).await?,
        Command::Remove(whose) => service.delete(&whose.path()).await?,
    };
    let json = reply.json()?;
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{json:#}"));
    }
    screen.say(said(&json))?;
    match args.command {
        Command::Show(_) => Ok(()),
        Command::Set(_) | Command::Remove(_) => screen.say("Every node follows within five seconds."),
    }
}

/// Whose it is, and which, in one line; and how its token stands, where that lapses.
fn said(json: &Value) -> String {
    let (channel, tenant) = (text(&json["channel"]), text(&json["tenant"]));
    let names = [
        "accountId",
        "productId",
        "appKey",
        "senderKey",
        "senderName",
        "unsubscribeNumber",
        "recipientList",
    ];
    let ids = names.into_iter().filter(|name| json[*name].is_string());
    let ids = ids.fold(String::new(), |ids, name| {
        ids + &format!(", {name} {}", text(&json[name]))
    });
    match &*text(&json["account"]) {
        "own" => {
            let token = Some(&json["token"]).filter(|token| token.is_object());
            let token = token.map(|token| format!("\n{}", channels::token_words(token)));
            format!(
                "{channel}: {tenant} has an account of its own{ids}; it stands so since {}.{}",
                text(&json["setAt"]),
                token.unwrap_or_default()
            )
        }
        "shared" => format!("{channel}: {tenant} has no account of its own, and is sent for with the configured one."),
        _ => format!("{channel}: {tenant} has no account, and nothing is sent for it there."),
    }
}

fn token(set: &Set) -> Result<Option<String>, Failure> {
    if set.without_token {
        return Ok(None);
    }
    let mut text = String::new();
    match &set.token_file {
        Some(path) => {
            let file = fs::File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
            file.take(INPUT_MAX).read_to_string(&mut text)
        }
        None => std::io::stdin().take(INPUT_MAX).read_to_string(&mut text),
    }
    .context("the token can't be read")?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let right = "the token is read from the standard input, alone, or from --token-file: \
                     `fanfare channels account set Instagram --account-id 1784… < FILE`";
        return Err(Failure::Usage(right.to_owned()));
    }
    Ok(Some(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_is_said_in_one_line() {
        let own = json!({"channel": "Instagram", "tenant": "cafe", "account": "own", "accountId": "1784",
            "setAt": "2026-11-26T09:00:00Z"});
        assert_eq!(
            said(&own),
            "Instagram: cafe has an account of its own, accountId 1784; it stands so since 2026-11-26T09:00:00Z."
        );
        let mut lapses = own;
        lapses["token"] = json!({"state": "expiring", "expiresAt": "2026-12-01T00:00:00Z",
            "problem": {"message": "The channel has a problem."}});
        let lapses = said(&lapses);
        let token = lapses.lines().skip(1).collect::<Vec<_>>();
        assert_eq!(
            token,
            [
                "token expiring, lapses at 2026-12-01T00:00:00Z",
                "not renewed: The channel has a problem."
            ]
        );
        let shared = json!({"channel": "GenieTV", "tenant": "cafe", "account": "shared"});
        assert!(said(&shared).contains("the configured one"));
    }
}
