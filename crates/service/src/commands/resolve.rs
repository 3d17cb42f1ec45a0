//! `fanfare resolve ID CHANNEL`: says what came of a channel whose outcome
//! nobody knows, or that was handed to a person.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::{Common, client, retry};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("verdict").required(true))]
pub(super) struct Args {
    /// The distribution
    distribution_id: String,
    /// The channel that is in review or was handed to a person, such as Instagram
    channel: String,
    /// It can be seen there
    #[arg(long, group = "verdict")]
    live: bool,
    /// It can't; `fanfare retry` may then send it again
    #[arg(long, group = "verdict")]
    not_live: bool,
    /// Where it can be seen
    #[arg(long, requires = "live", value_name = "URL")]
    post_url: Option<String>,
    /// What the channel gave, such as postId=17890; may be given more than once
    #[arg(long, requires = "live", value_name = "NAME=VALUE", value_parser = field)]
    field: Vec<(String, String)>,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut body = Map::new();
    body.insert("live".to_owned(), args.live.into());
    if let Some(url) = &args.post_url {
        body.insert("postUrl".to_owned(), url.clone().into());
    }
    if let Some(reason) = &args.reason {
        body.insert("reason".to_owned(), reason.clone().into());
    }
    for (name, value) in &args.field {
        // Only views are a number.
        let number = Some(value)
            .filter(|_| name == "estimatedViews")
            .and_then(|text| text.parse::<u64>().ok());
        let value = number.map_or_else(|| Value::from(value.clone()), Value::from);
        body.insert(name.clone(), value);
    }
    let (id, channel) = (client::segment(&args.distribution_id), client::segment(&args.channel));
    let path = format!("/api/distributions/{id}/channels/{channel}/resolve");
    retry::ask(common, &path, Value::Object(body).to_string().into()).await
}

fn field(text: &str) -> Result<(String, String), String> {
    let pair = text
        .split_once('=')
        .ok_or("it must be NAME=VALUE, such as postId=17890")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
