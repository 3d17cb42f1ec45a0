//! Lists of people who consented to advertising: files, each line sealed.
//!
//! `{folder}/{tenant}/{list}` holds a list, one line a person, encrypted (I20).
//! `{folder}/{tenant}/.suppressed` holds who wants nothing more: a keyed hash of
//! each number, so that a later import does not bring back who was forgotten,
//! although the number itself is gone. Its first line tells which key made the
//! hashes: under another one nobody would be found in it. A list is read when it is
//! needed and kept nowhere. Nodes that share a database must share the folder, too.
//! Who was sent what lately is in `sent.rs`.

mod sent;
mod table;

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_channels::contract::is_path_id;
use fanfare_channels::kakao_channel::recipients::{Recipient, Recipients, RecipientsError};
use fanfare_channels::secret::Secret;
use fanfare_core::advertising::{Consent, FrequencyCap};
use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::table::TableError;
use crate::config::Config;
use crate::private_file;
use crate::sealed::Seal;
pub use crate::sealed::SealError;

/// Who wants nothing more; no list can have this name.
const SUPPRESSED: &str = ".suppressed";

/// Before what tells the key; no mark begins so.
const KEY_PREFIX: &str = "key ";

/// Held while a tenant's lists change; no list can have this name either.
const LOCK: &str = ".lock";

/// Below `data_dir`, unless another folder is configured.
const FOLDER: &str = "recipients";

/// The lists of all tenants; clones are the same.
#[derive(Clone)]
pub struct RecipientLists(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    seal: Seal,
    cap: Option<FrequencyCap>,
}

/// One person, as it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    number: String,
    consent: Consent,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// People on the list now.
    pub people: usize,
    /// Lines that were left out, since the number wants nothing more.
    pub suppressed: usize,
}

/// Why a list could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The key, or what it opens.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The table.
    #[error("the table is refused")]
    Table(#[from] TableError),
    /// Under this key nobody in it would be recognised.
    #[error(
        "this key did not make the list of forgotten numbers in {path}: under it everybody who was forgotten would \
         come back; set the recipients_key that made it",
        path = .0.display()
    )]
    OtherKey(PathBuf),
    /// It was made before files told their key, and nothing here proves that it was this.
    #[error(
        "the list of forgotten numbers in {path} does not tell which key made it, and the lists beside it do not \
         prove that it was this one (one does not open with it, or nobody is on any): under another key everybody who was forgotten would come back; set the recipients_key that \
         made them",
        path = .0.display()
    )]
    UnknownKey(PathBuf),
    /// A name that is no file's.
    #[error("a list and a tenant are named with letters, digits, - _ . ~, and do not begin with a dot")]
    Name,
    /// It is no number.
    #[error("that is no Korean telephone number")]
    Number,
    /// A file.
    #[error("{0} could not be read or written")]
    File(PathBuf, #[source] std::io::Error),
}

impl fmt::Debug for RecipientLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientLists")
            .field("folder", &self.0.folder)
            .finish_non_exhaustive()
    }
}

impl RecipientLists {
    /// The lists below `folder`, sealed with `key`: 32 bytes in base64; without a
    /// frequency cap.
    ///
    /// # Errors
    /// [`SealError::Key`] where it is no key.
    pub fn new(folder: PathBuf, key: &Secret) -> Result<Self, SealError> {
        Self::capped(folder, key, None)
    }

    fn capped(folder: PathBuf, key: &Secret, cap: Option<FrequencyCap>) -> Result<Self, SealError> {
        let seal = Seal::new(key.reveal())?;
        Ok(Self(Arc::new(Inner { folder, seal, cap })))
    }

    /// Those that the configuration names; none without a key for them.
    ///
    /// # Errors
    /// [`SealError::Key`] where it is no key.
    pub fn configured(config: &Config) -> Result<Option<Self>, SealError> {
        let Some(key) = &config.recipients_key else {
            return Ok(None);
        };
        let kakao_channel = &config.channels.kakao_channel;
        let folder = kakao_channel.recipient_lists.clone();
        let folder = folder.unwrap_or_else(|| config.data_dir.join(FOLDER));
        Self::capped(folder, key, kakao_channel.frequency_cap).map(Some)
    }

    /// Replaces a list by the people of a table (CSV).
    ///
    /// # Errors
    /// [`ListError`]; the list is then as it was.
    pub fn import(&self, tenant: &TenantId, list: &str, csv: &str) -> Result<Imported, ListError> {
        self.0.path(tenant, list)?;
        let _held = self.0.lock(tenant)?;
        let suppressed = self.0.suppressed(tenant)?;
        let mut people = table::read(csv)?;
        let all = people.len();
        people.retain(|entry| !suppressed.contains(&self.0.seal.mark(&entry.number)));
        self.0.write(tenant, list, &people)?;
        Ok(Imported {
            people: people.len(),
            suppressed: all - people.len(),
        })
    }

    /// Takes a number out of every list of a tenant, for good; from how many.
    ///
    /// # Errors
    /// [`ListError`]. Before anything is changed: what is no number or name, another key
    /// ([`ListError::Seal`] where nobody was forgotten before, and no list opens), and a
    /// lock, a folder or the file of who is forgotten that can't be read or written.
    /// After it was suppressed, and maybe still is on some list or told of as sent: a
    /// list that does not open ([`ListError::Seal`]), a file that can't be read or
    /// written ([`ListError::File`]).
    pub fn forget(&self, tenant: &TenantId, number: &str) -> Result<usize, ListError> {
        let phone = fanfare_core::phone::Phone::parse(number).map_err(|_unread| ListError::Number)?;
        let number = phone.national.replace('-', "");
        let _held = self.0.lock(tenant)?;
        let lists = self.0.lists(tenant)?;
        self.0.suppress(tenant, &number, &lists)?;
        self.0.forget_sent(tenant, &self.0.seal.mark(&number))?;
        let mut found = 0;
        for list in lists {
            let mut people = self.0.read(tenant, &list)?.unwrap_or_default();
            let before = people.len();
            people.retain(|entry| entry.number != number);
            if people.len() < before {
                self.0.write(tenant, &list, &people)?;
                found += 1;
            }
        }
        Ok(found)
    }

    fn people(&self, tenant: &TenantId, list: &str) -> Result<Option<Vec<Recipient>>, ListError> {
        let suppressed = self.0.suppressed(tenant)?;
        let people = self.0.read(tenant, list)?;
        Ok(people.map(|people| {
            let recipient = |entry: Entry| Recipient {
                suppressed: suppressed.contains(&self.0.seal.mark(&entry.number)),
                number: Secret::new(entry.number),
                consent: Some(entry.consent),
            };
            people.into_iter().map(recipient).collect()
        }))
    }
}

#[async_trait]
impl Recipients for RecipientLists {
    async fn of(&self, tenant: &TenantId, list: &str) -> Result<Vec<Recipient>, RecipientsError> {
        let (lists, tenant, list) = (self.clone(), tenant.clone(), list.to_owned());
        match in_turn(move || lists.people(&tenant, &list)).await {
            Ok(Some(people)) => Ok(people),
            Ok(None) | Err(Failed::List(ListError::Name)) => Err(RecipientsError::Unknown),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a recipient list could not be read"
                );
                Err(RecipientsError::Unreadable)
            }
        }
    }

    /// Nothing of it is read: whether it opens is found out when it is sent to.
    async fn has(&self, tenant: &TenantId, list: &str) -> Option<bool> {
        let (lists, tenant, list) = (self.clone(), tenant.clone(), list.to_owned());
        match in_turn(move || lists.0.has(&tenant, &list)).await {
            Ok(has) => Some(has),
            Err(Failed::List(ListError::Name)) => Some(false),
            // Whoever sends to it is told why.
            Err(Failed::List(_) | Failed::BrokeOff(_)) => None,
        }
    }

    async fn admit(
        &self,
        tenant: &TenantId,
        request: &str,
        people: Vec<Secret>,
        now: Timestamp,
    ) -> Result<Vec<Secret>, RecipientsError> {
        let Some(cap) = self.0.cap else {
            return Ok(people);
        };
        let (lists, tenant, request) = (self.clone(), tenant.clone(), request.to_owned());
        let admitted = in_turn(move || lists.0.admit(&tenant, &request, people, (cap, now))).await;
        admitted.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "who was sent what lately could not be read or written"
            );
            RecipientsError::Unreadable
        })
    }

    async fn release(&self, tenant: &TenantId, request: &str) {
        if self.0.cap.is_none() {
            return;
        }
        let (lists, tenant, request) = (self.clone(), tenant.clone(), request.to_owned());
        if let Err(error) = in_turn(move || lists.0.release(&tenant, &request)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a request that reached nobody still counts for the frequency cap"
            );
        }
    }
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    List(#[from] ListError),
    #[error("it broke off")]
    BrokeOff(#[source] tokio::task::JoinError),
}

/// Files are read off the threads that serve.
async fn in_turn<T: Send + 'static>(read: impl FnOnce() -> Result<T, ListError> + Send + 'static) -> Result<T, Failed> {
    let read = tokio::task::spawn_blocking(read).await;
    Ok(read.map_err(Failed::BrokeOff)??)
}

impl Inner {
    fn tenant(&self, tenant: &TenantId) -> Result<PathBuf, ListError> {
        Ok(self.folder.join(file_name(tenant.as_str())?))
    }

    fn path(&self, tenant: &TenantId, list: &str) -> Result<PathBuf, ListError> {
        Ok(self.tenant(tenant)?.join(file_name(list)?))
    }

    fn has(&self, tenant: &TenantId, list: &str) -> Result<bool, ListError> {
        let path = self.path(tenant, list)?;
        path.try_exists().map_err(|error| ListError::File(path.clone(), error))
    }

    fn lists(&self, tenant: &TenantId) -> Result<Vec<String>, ListError> {
        let folder = self.tenant(tenant)?;
        let cannot = |error| ListError::File(folder.clone(), error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            names.extend(name.into_string().ok().filter(|name| file_name(name).is_ok()));
        }
        Ok(names)
    }

    fn read(&self, tenant: &TenantId, list: &str) -> Result<Option<Vec<Entry>>, ListError> {
        let place = place(tenant, list);
        let Some(text) = text_of(&self.path(tenant, list)?)? else {
            return Ok(None);
        };
        let open = |line: &str| {
            let clear = self.seal.open(&place, line)?;
            serde_json::from_slice(&clear).map_err(|_malformed| SealError::Opened)
        };
        let people: Result<_, SealError> = text.lines().map(open).collect();
        Ok(Some(people?))
    }

    fn write(&self, tenant: &TenantId, list: &str, people: &[Entry]) -> Result<(), ListError> {
        let place = place(tenant, list);
        let close = |entry: &Entry| {
            let clear = serde_json::to_vec(entry).map_err(|_never| SealError::Opened)?;
            self.seal.close(&place, &clear)
        };
        let lines: Result<Vec<_>, SealError> = people.iter().map(close).collect();
        Self::replace(&self.path(tenant, list)?, &lines?)
    }

    /// The marks of those who want nothing more.
    fn suppressed(&self, tenant: &TenantId) -> Result<HashSet<String>, ListError> {
        let path = self.tenant(tenant)?.join(SUPPRESSED);
        let Some(text) = text_of(&path)? else {
            return Ok(HashSet::new());
        };
        let mut marks: HashSet<_> = text.lines().map(str::to_owned).collect();
        let check = self.seal.check();
        let told = text.lines().next().and_then(|first| first.strip_prefix(KEY_PREFIX));
        match told {
            Some(told) if told != check => return Err(ListError::OtherKey(path)),
            Some(told) => _ = marks.remove(&format!("{KEY_PREFIX}{told}")),
            // For a while it was told without the prefix.
            None if marks.remove(&check) => {}
            None if self.opens_all(tenant) => {}
            None => return Err(ListError::UnknownKey(path)),
        }
        Ok(marks)
    }

    /// Whether there is anybody on the lists, and this key opens them all.
    fn opens_all(&self, tenant: &TenantId) -> bool {
        let open = |list: &String| self.read(tenant, list).map(Option::unwrap_or_default);
        let opened = self.lists(tenant).and_then(|lists| lists.iter().map(open).collect());
        opened.is_ok_and(|opened: Vec<_>| opened.iter().any(|people| !people.is_empty()))
    }

    /// The first who is forgotten binds the file to the key, so it must be the one
    /// that opens the lists.
    fn suppress(&self, tenant: &TenantId, number: &str, lists: &[String]) -> Result<(), ListError> {
        let mut suppressed = self.suppressed(tenant)?;
        if suppressed.is_empty() && !lists.is_empty() {
            let opened = lists.iter().map(|list| self.read(tenant, list).map(|_| ()));
            // One that is damaged keeps nobody from being forgotten.
            opened.reduce(Result::or).unwrap_or(Ok(()))?;
        }
        suppressed.insert(self.seal.mark(number));
        let mut lines: Vec<_> = suppressed.into_iter().collect();
        lines.sort();
        lines.insert(0, format!("{KEY_PREFIX}{}", self.seal.check()));
        Self::replace(&self.tenant(tenant)?.join(SUPPRESSED), &lines)
    }

    fn replace(path: &Path, lines: &[String]) -> Result<(), ListError> {
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        private_file::replace(path, text.as_bytes()).map_err(|error| ListError::File(path.to_owned(), error))
    }

    /// What reads before it writes holds this until it is done, here or in another
    /// process: else of two changes at once one would undo the other.
    fn lock(&self, tenant: &TenantId) -> Result<File, ListError> {
        let folder = self.tenant(tenant)?;
        let path = folder.join(LOCK);
        let cannot = |error| ListError::File(path.clone(), error);
        fs::create_dir_all(&folder).map_err(cannot)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(cannot)?;
        file.lock().map_err(cannot)?;
        Ok(file)
    }
}

/// A sealed line is worth nothing in another list.
fn place(tenant: &TenantId, list: &str) -> String {
    format!("{}/{list}", tenant.as_str())
}

fn file_name(name: &str) -> Result<&str, ListError> {
    (is_path_id(name) && !name.starts_with('.'))
        .then_some(name)
        .ok_or(ListError::Name)
}

fn text_of(path: &Path) -> Result<Option<String>, ListError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ListError::File(path.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn table(numbers: &[&str]) -> String {
        let head = "number,who,at,how,advertising,night,withdrawn_at,reconfirmed_at";
        let line = |number: &&str| format!("{number},customer,2026-03-01T12:00:00+09:00,web form,true,false,,");
        let lines: Vec<_> = numbers.iter().map(line).collect();
        format!("{head}\n{}\n", lines.join("\n"))
    }

    fn lists(folder: &TempDir) -> RecipientLists {
        RecipientLists::new(folder.path().to_owned(), &Secret::new(KEY)).unwrap()
    }

    #[tokio::test]
    async fn a_list_is_its_tenant_s_and_sealed() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder), TenantId::default());
        let imported = lists.import(&tenant, "friends", &table(&["010-5555-0107", "010-5555-0108"]));
        assert_eq!(
            imported.unwrap(),
            Imported {
                people: 2,
                suppressed: 0
            }
        );
        let people = lists.of(&tenant, "friends").await.unwrap();
        assert_eq!(people[1].number, Secret::new("01055550108"));
        let file = fs::read_to_string(folder.path().join("default/friends")).unwrap();
        assert!(!file.contains("5555") && !file.contains("customer"), "{file}");
        for (tenant, list) in [
            ("default", "other"),
            ("cafe", "friends"),
            ("default", "../default/friends"),
        ] {
            let none = lists.of(&TenantId::new(tenant), list).await;
            assert_eq!(none.err(), Some(RecipientsError::Unknown), "{tenant} {list}");
        }
        // Another key opens nothing.
        let other = RecipientLists::new(folder.path().to_owned(), &Secret::new(OTHER)).unwrap();
        assert_eq!(
            other.of(&tenant, "friends").await.err(),
            Some(RecipientsError::Unreadable)
        );
        // A table that is refused changes nothing.
        assert!(lists.import(&tenant, "friends", "number\n").is_err());
        assert_eq!(lists.of(&tenant, "friends").await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn another_key_is_refused_where_somebody_was_forgotten() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder), TenantId::default());
        let other = RecipientLists::new(folder.path().to_owned(), &Secret::new(OTHER)).unwrap();
        let both = table(&["010-5555-0107", "010-5555-0108"]);
        lists.import(&tenant, "friends", &both).unwrap();
        // It must not become the key of those who are forgotten.
        let forgotten = other.forget(&tenant, "010-5555-0107");
        assert!(matches!(forgotten, Err(ListError::Seal(SealError::Opened))));
        assert_eq!(lists.forget(&tenant, "010-5555-0107").unwrap(), 1);
        let imported = other.import(&tenant, "friends", &both);
        assert!(matches!(imported, Err(ListError::OtherKey(_))), "{imported:?}");
        let words = imported.unwrap_err().to_string();
        assert!(words.contains("did not make the list of forgotten numbers"), "{words}");
        let forgotten = other.forget(&tenant, "010-5555-0108");
        assert!(matches!(forgotten, Err(ListError::OtherKey(_))), "{forgotten:?}");
        let read = other.people(&tenant, "friends");
        assert!(matches!(read, Err(ListError::OtherKey(_))));
        assert_eq!(
            other.of(&tenant, "friends").await.err(),
            Some(RecipientsError::Unreadable)
        );
        assert_eq!(lists.import(&tenant, "friends", &both).unwrap().suppressed, 1);
    }

    #[tokio::test]
    async fn who_is_forgotten_is_gone_and_does_not_come_back() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder), TenantId::default());
        let both = table(&["010-5555-0107", "010-5555-0108"]);
        lists.import(&tenant, "friends", &both).unwrap();
        lists.import(&tenant, "bakery", &both).unwrap();
        assert_eq!(lists.forget(&tenant, "+82 10 5555 0107").unwrap(), 2);
        assert_eq!(lists.of(&tenant, "bakery").await.unwrap().len(), 1);
        let again = lists.import(&tenant, "friends", &both).unwrap();
        assert_eq!(
            again,
            Imported {
                people: 1,
                suppressed: 1
            }
        );
        assert!(matches!(lists.forget(&tenant, "12"), Err(ListError::Number)));
        let kept = fs::read_to_string(folder.path().join("default/.suppressed")).unwrap();
        assert!(!kept.contains("5555"));
    }

    #[test]
    fn an_old_file_is_bound_where_its_key_is_proved() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder), TenantId::default());
        let both = table(&["010-5555-0107", "010-5555-0108"]);
        lists.import(&tenant, "friends", &both).unwrap();
        lists.forget(&tenant, "010-5555-0107").unwrap();
        // As it was before it told its key: only marks.
        let path = folder.path().join("default").join(SUPPRESSED);
        let told = fs::read_to_string(&path).unwrap();
        let (key, marks) = told.split_once('\n').unwrap();
        fs::write(&path, marks).unwrap();
        let other = RecipientLists::new(folder.path().to_owned(), &Secret::new(OTHER)).unwrap();
        let refused = other.import(&tenant, "friends", &both).unwrap_err();
        assert!(matches!(refused, ListError::UnknownKey(_)), "{refused:?}");
        assert!(refused.to_string().contains("does not tell which key made it"));
        assert!(matches!(
            other.forget(&tenant, "010-5555-0108"),
            Err(ListError::UnknownKey(_))
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), marks, "refused, it is as it was");
        // The key that made it is proved by the list, and the file bound.
        assert_eq!(lists.import(&tenant, "friends", &both).unwrap().suppressed, 1);
        lists.forget(&tenant, "010-5555-0108").unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with(key));
        // And as it told it for a while.
        fs::write(&path, told.strip_prefix(KEY_PREFIX).unwrap()).unwrap();
        assert_eq!(lists.import(&tenant, "friends", &both).unwrap().suppressed, 1);
        assert!(matches!(
            other.import(&tenant, "friends", &both),
            Err(ListError::UnknownKey(_))
        ));
    }

    #[test]
    fn changes_at_the_same_moment_do_not_undo_each_other() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder), TenantId::default());
        let numbers: Vec<_> = (0..24).map(|at| format!("010-5555-01{at:02}")).collect();
        let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
        let all = table(&numbers);
        lists.import(&tenant, "friends", &all).unwrap();
        std::thread::scope(|threads| {
            let (lists, tenant) = (&lists, &tenant);
            for some in numbers[..16].chunks(4) {
                threads.spawn(move || some.iter().for_each(|number| _ = lists.forget(tenant, number).unwrap()));
                threads.spawn(|| lists.import(tenant, "friends", &all).unwrap());
            }
        });
        assert_eq!(lists.people(&tenant, "friends").unwrap().unwrap().len(), 8);
        assert_eq!(lists.import(&tenant, "friends", &all).unwrap().suppressed, 16);
    }
}
