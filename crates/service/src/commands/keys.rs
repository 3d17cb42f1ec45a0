//! `fanfare keys`: makes, lists and revokes API keys, in the configured database
//! and beside the services that use it. A new key is shown once, here.

use anyhow::Context;
use comfy_table::Cell;
use fanfare_core::api_key::{ApiKey, KeyId, Scope};
use fanfare_core::ids::TenantId;
use fanfare_ledger::StoreError;
use fanfare_ledger::api_keys::ApiKeys;
use jiff::Timestamp;
use rand::TryRng;
use rand::rngs::SysRng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::{Common, config, results};
use crate::clock::{Clock, SystemClock};
use crate::keys::{KEY_BYTES, NewKey};
use crate::store;

/// Characters of a key's name.
const NAME_MAX: usize = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key, and show it this one time
    Create(Create),
    /// Show the keys, without what would open anything
    List {
        /// Of this tenant only
        #[arg(long, value_parser = tenant)]
        tenant: Option<TenantId>,
    },
    /// Revoke a key for ever; running services refuse it within 5 seconds
    Revoke {
        /// As `list` shows it
        id: Uuid,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What people call it
    #[arg(long, value_parser = name)]
    name: String,
    /// What it may do: distribute, read, operate, or admin, which is all of it; may be given more than once
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
    /// Whose data it opens
    #[arg(long, default_value = "default", value_parser = tenant)]
    tenant: TenantId,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let keys = store::open_keys(&config::load(common)?).await.map_err(cannot)?;
    let screen = Screen::stdout();
    match &args.command {
        Command::Create(create) => make(&*keys, create, (screen, common.json)).await,
        Command::List { tenant } => list(&*keys, tenant.as_ref(), (screen, common.json)).await,
        Command::Revoke { id } => revoke(&*keys, KeyId(*id), (screen, common.json)).await,
    }
}

fn cannot(error: StoreError) -> Failure {
    Failure::Broken(error.into())
}

fn now() -> Timestamp {
    SystemClock::default().now()
}

async fn make(keys: &dyn ApiKeys, create: &Create, (screen, json): (Screen, bool)) -> Result<(), Failure> {
    let (mut random, mut id) = ([0; KEY_BYTES], [0; 16]);
    for bytes in [&mut random[..], &mut id[..]] {
        SysRng.try_fill_bytes(bytes).context("the system gave no randomness")?;
    }
    let Create { name, scopes, tenant } = create;
    let new = NewKey::make((random, id), tenant.clone(), name.clone(), scopes, now());
    keys.insert_api_key(&new.key, &new.hash).await.map_err(cannot)?;
    let text = new.text.reveal();
    if json {
        let mut shown = view(&new.key);
        shown["key"] = Value::from(text);
        return screen.say(format_args!("{shown:#}"));
    }
    screen.say(text)?;
    screen.say(screen.paint(
        Tone::Mind,
        "Keep it now: it is not shown again. Send it as `Authorization: Bearer <key>`, or to these commands as \
         FANFARE_API_KEY.",
    ))?;
    let key = &new.key;
    screen.say(format!(
        "{} may {} for tenant {}; revoke it with `fanfare keys revoke {}`.",
        key.name,
        words(key),
        key.tenant,
        key.id
    ))
}

async fn list(keys: &dyn ApiKeys, tenant: Option<&TenantId>, (screen, json): (Screen, bool)) -> Result<(), Failure> {
    let keys = keys.api_keys(tenant).await.map_err(cannot)?;
    if json {
        let keys: Vec<_> = keys.iter().map(view).collect();
        return screen.say(format_args!("{:#}", json!({ "keys": keys })));
    }
    if keys.is_empty() {
        return screen.say("There are no keys. `fanfare keys create` makes one.");
    }
    let mut table = screen.table();
    table.set_header(["Id", "Tenant", "Name", "Begins", "Scopes", "Made", "Revoked"].map(results::heading));
    for key in &keys {
        table.add_row([
            Cell::new(key.id),
            Cell::new(&key.tenant),
            Cell::new(&key.name),
            Cell::new(format!("{}…", key.prefix)),
            Cell::new(words(key)),
            Cell::new(key.created_at),
            match key.revoked_at {
                Some(at) => results::toned(&at.to_string(), Tone::Bad),
                None => Cell::new(""),
            },
        ]);
    }
    screen.say(table)
}

async fn revoke(keys: &dyn ApiKeys, id: KeyId, (screen, json): (Screen, bool)) -> Result<(), Failure> {
    let all = keys.api_keys(None).await.map_err(cannot)?;
    let unknown = || {
        Failure::Usage(format!(
            "there is no key {id}; `fanfare keys list` shows those that there are"
        ))
    };
    let key = all.iter().find(|key| key.id == id).ok_or_else(unknown)?;
    let revoked = keys.revoke_api_key(&key.tenant, id, now()).await.map_err(cannot)?;
    let revoked = revoked.ok_or_else(unknown)?;
    if json {
        return screen.say(format_args!("{:#}", view(&revoked)));
    }
    screen.say(format!(
        "{} ({}…) opens nothing any more, since {}; running services see it within 5 seconds.",
        revoked.name,
        revoked.prefix,
        revoked.revoked_at.unwrap_or_default()
    ))
}

fn words(key: &ApiKey) -> String {
    let words: Vec<_> = key.scopes.iter().map(|scope| scope.name()).collect();
    words.join(", ")
}

fn view(key: &ApiKey) -> Value {
    let mut view = json!({
        "id": key.id, "tenant": key.tenant, "name": key.name, "prefix": key.prefix, "scopes": key.scopes,
        "createdAt": key.created_at,
    });
    if let Some(at) = key.revoked_at {
        view["revokedAt"] = json!(at);
    }
    view
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::from_name(text).ok_or_else(|| {
        let known = Scope::ALL.map(Scope::name).join(", ");
        format!("a scope is one of {known}")
    })
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= NAME_MAX && !text.chars().any(char::is_control);
    fits.then(|| text.trim().to_owned())
        .ok_or_else(|| format!("a name has 1 to {NAME_MAX} characters, and none that controls"))
}

fn tenant(text: &str) -> Result<TenantId, String> {
    let most = TenantId::NAME_MAX;
    TenantId::named(text)
        .ok_or_else(|| format!("a tenant has 1 to {most} letters, digits, dots, dashes or underscores"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tenants_are_checked() {
        assert_eq!(name(" 계산대 1 ").unwrap(), "계산대 1");
        assert_eq!(tenant("cafe-1.kr_x").unwrap().as_str(), "cafe-1.kr_x");
        for bad in ["", " ", "a\nb", &"x".repeat(101)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "a/b", "a:b", "카페", &"x".repeat(65)] {
            assert!(tenant(bad).is_err(), "{bad:?}");
        }
        assert!(scope("Admin").unwrap_err().contains("distribute, read, operate, admin"));
    }
}
