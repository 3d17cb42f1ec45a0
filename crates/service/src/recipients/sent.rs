//! Who was sent advertising lately, for the frequency cap.
//!
//! `{folder}/{tenant}/.sent/{request}` tells of one request to the channel: which key
//! made its marks, when it was, and a mark (a keyed hash) of each number. It is written
//! before the request is made, under the tenant's lock, so that of two deliveries at
//! once one sees the other; removed where the request has reached nobody; and deleted,
//! by the next request that counts, two days after the cap no longer looks back on it.
//!
//! Deliberately absent: what was sent before there was a cap, and what another key
//! marked. They count for nobody. And nothing is deleted where nothing more is sent, or
//! the cap was taken out.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fanfare_channels::secret::Secret;
use fanfare_core::advertising::FrequencyCap;
use fanfare_core::ids::TenantId;
use jiff::Timestamp;

use super::{Inner, KEY_PREFIX, ListError, text_of};

/// The folder; no list can have this name.
const SENT: &str = ".sent";

/// What no longer counts here is kept so much longer: another node's clock may be
/// behind, or its cap look back a little further.
const KEPT_LONGER: Duration = Duration::from_hours(48);

/// A request as its file tells it.
struct Request<'t> {
    /// What tells the key that made the marks.
    key: &'t str,
    at: Timestamp,
    marks: &'t str,
}

impl<'t> Request<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (key, rest) = text.strip_prefix(KEY_PREFIX)?.split_once('\n')?;
        let (at, marks) = rest.split_once('\n')?;
        let at = at.parse().ok()?;
        Some(Self { key, at, marks })
    }
}

impl Inner {
    /// Those whom the cap lets be sent one more, in their order; it counts for them.
    pub(super) fn admit(
        &self,
        tenant: &TenantId,
        request: &str,
        people: Vec<Secret>,
        (cap, now): (FrequencyCap, Timestamp),
    ) -> Result<Vec<Secret>, ListError> {
        let _held = self.lock(tenant)?;
        let marks: Vec<_> = people.iter().map(|number| self.seal.mark(number.reveal())).collect();
        let counted = self.counted(tenant, &marks, request, (cap, now))?;
        let may = |mark: &str| cap.allows(counted.get(mark).copied().unwrap_or(0));
        let admitted: Vec<_> = people.into_iter().zip(&marks).filter(|(_, mark)| may(mark)).collect();
        let path = self.sent(tenant)?.join(request);
        let mut lines = vec![format!("{KEY_PREFIX}{}", self.seal.check()), now.to_string()];
        lines.extend(admitted.iter().map(|(_, mark)| (*mark).clone()));
        if admitted.is_empty() {
            remove(path)?;
        } else {
            Self::replace(&path, &lines)?;
        }
        Ok(admitted.into_iter().map(|(number, _)| number).collect())
    }

    /// A request that has reached nobody.
    pub(super) fn release(&self, tenant: &TenantId, request: &str) -> Result<(), ListError> {
        remove(self.sent(tenant)?.join(request))
    }

    /// Takes a mark out of what was sent, under the tenant's lock. What another key
    /// marked is not recognised.
    pub(super) fn forget_sent(&self, tenant: &TenantId, mark: &str) -> Result<(), ListError> {
        for path in self.requests(tenant)? {
            let Some(text) = text_of(&path)? else { continue };
            let left: Vec<_> = text.lines().filter(|line| *line != mark).map(str::to_owned).collect();
            if left.len() < text.lines().count() {
                Self::replace(&path, &left)?;
            }
        }
        Ok(())
    }

    /// How many messages of other deliveries count for each of these.
    fn counted<'m>(
        &self,
        tenant: &TenantId,
        marks: &'m [String],
        own: &str,
        (cap, now): (FrequencyCap, Timestamp),
    ) -> Result<HashMap<&'m str, u32>, ListError> {
        let asked: HashSet<&str> = marks.iter().map(String::as_str).collect();
        let (key, since) = (self.seal.check(), cap.since(now));
        let kept_since = since.saturating_sub(KEPT_LONGER).unwrap_or(Timestamp::MIN);
        let mut counted = HashMap::new();
        for path in self.requests(tenant)? {
            if delivery(name(&path)) == delivery(own) {
                continue;
            }
            // Nothing where it was removed meanwhile.
            let Some(text) = text_of(&path)? else { continue };
            let Some(request) = Request::of(&text) else { continue };
            if request.at <= kept_since {
                remove(path)?;
                continue;
            }
            if request.at <= since || request.key != key {
                continue;
            }
            for mark in request.marks.lines() {
                if let Some(mark) = asked.get(mark) {
                    *counted.entry(*mark).or_default() += 1;
                }
            }
        }
        Ok(counted)
    }

    fn requests(&self, tenant: &TenantId) -> Result<Vec<PathBuf>, ListError> {
        let folder = self.sent(tenant)?;
        let cannot = |error| ListError::File(folder.clone(), error);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(cannot)?;
            // What a crash left half written has a name of its own.
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                paths.push(entry.path());
            }
        }
        Ok(paths)
    }

    fn sent(&self, tenant: &TenantId) -> Result<PathBuf, ListError> {
        Ok(self.tenant(tenant)?.join(SENT))
    }
}

/// The request's.
fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Of which delivery a request is: its name begins with it.
fn delivery(request: &str) -> &str {
    request.split('.').next().unwrap_or(request)
}

fn remove(path: PathBuf) -> Result<(), ListError> {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ListError::File(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::recipients::RecipientLists;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const CAP: FrequencyCap = FrequencyCap { messages: 1, days: 7 };
    const NOW: &str = "2026-11-24T10:00:00+09:00";

    fn lists(folder: &TempDir, key: &str) -> RecipientLists {
        RecipientLists::new(folder.path().to_owned(), &Secret::new(key)).unwrap()
    }

    /// So many of these people may be sent it.
    fn admitted(lists: &RecipientLists, request: &str, people: &[&str], now: &str) -> usize {
        let people = people.iter().map(|number| Secret::new(*number)).collect();
        let counts = (CAP, now.parse().unwrap());
        let admitted = lists.0.admit(&TenantId::default(), request, people, counts);
        admitted.unwrap().len()
    }

    #[test]
    fn what_another_delivery_sent_counts_until_it_is_old() {
        let folder = TempDir::new().unwrap();
        let lists = lists(&folder, KEY);
        assert_eq!(admitted(&lists, "a.1.1", &["0101", "0102"], NOW), 2);
        // The same delivery: the same request again, another one, a redrive.
        assert_eq!(admitted(&lists, "a.1.1", &["0101", "0102"], NOW), 2);
        assert_eq!(admitted(&lists, "a.1.2", &["0103"], NOW), 1);
        assert_eq!(admitted(&lists, "a.2.1", &["0101"], NOW), 1);
        assert_eq!(admitted(&lists, "b.1.1", &["0101", "0104", "0103"], NOW), 1);
        let just_before = "2026-12-01T09:59:59.999+09:00";
        assert_eq!(admitted(&lists, "c.1.1", &["0101"], just_before), 0);
        let then = "2026-12-01T10:00:00+09:00";
        assert_eq!(admitted(&lists, "d.1.1", &["0101"], then), 1);
    }

    /// Another node's clock may be behind, and another key's may never come back.
    #[test]
    fn what_is_old_is_deleted_two_days_later_whoever_marked_it() {
        let folder = TempDir::new().unwrap();
        let (lists, other) = (lists(&folder, KEY), lists(&folder, OTHER));
        assert_eq!(admitted(&lists, "a.1.1", &["0101"], NOW), 1);
        assert_eq!(admitted(&other, "b.1.1", &["0101"], NOW), 1);
        let kept = || {
            let paths = lists.0.requests(&TenantId::default()).unwrap();
            let mut names: Vec<_> = paths.iter().map(|path| name(path).to_owned()).collect();
            names.sort();
            names
        };
        let just_before = "2026-12-03T09:59:59.999+09:00";
        assert_eq!(
            admitted(&lists, "c.1.1", &["0101"], just_before),
            1,
            "it counts no more"
        );
        assert_eq!(kept(), ["a.1.1", "b.1.1", "c.1.1"]);
        let then = "2026-12-03T10:00:00+09:00";
        assert_eq!(admitted(&lists, "d.1.1", &["0102"], then), 1);
        assert_eq!(kept(), ["c.1.1", "d.1.1"]);
    }

    #[test]
    fn what_the_delivery_itself_sent_is_not_even_read() {
        let folder = TempDir::new().unwrap();
        let lists = lists(&folder, KEY);
        // It can't be.
        fs::create_dir_all(folder.path().join("default/.sent/a.1.1")).unwrap();
        assert_eq!(admitted(&lists, "a.1.2", &["0101"], NOW), 1);
        let elsewhere = (CAP, NOW.parse().unwrap());
        let refused = lists
            .0
            .admit(&TenantId::default(), "b.1.1", vec![Secret::new("0101")], elsewhere);
        assert!(matches!(refused, Err(ListError::File(..))), "{:?}", refused.err());
    }

    #[test]
    fn what_reached_nobody_counts_for_nobody() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder, KEY), TenantId::default());
        admitted(&lists, "a.1.1", &["0101"], NOW);
        lists.0.release(&tenant, "a.1.1").unwrap();
        lists.0.release(&tenant, "a.1.1").unwrap();
        assert_eq!(admitted(&lists, "b.1.1", &["0101"], NOW), 1);
        // What a crash left before it had its name.
        fs::write(folder.path().join("default/.sent/.new-x"), "key").unwrap();
        assert_eq!(admitted(&lists, "c.1.1", &["0101", "0102"], NOW), 1);
    }

    #[test]
    fn a_tenant_and_a_key_count_for_themselves() {
        let folder = TempDir::new().unwrap();
        let lists_of = lists(&folder, KEY);
        admitted(&lists_of, "a.1.1", &["0101"], NOW);
        let counts = (CAP, NOW.parse().unwrap());
        let elsewhere = lists_of
            .0
            .admit(&TenantId::new("cafe"), "b.1.1", vec![Secret::new("0101")], counts);
        assert_eq!(elsewhere.unwrap().len(), 1);
        assert_eq!(admitted(&lists(&folder, OTHER), "b.1.1", &["0101"], NOW), 1);
        assert_eq!(admitted(&lists_of, "c.1.1", &["0101"], NOW), 0);
    }

    #[test]
    fn who_is_forgotten_is_not_told_of() {
        let folder = TempDir::new().unwrap();
        let (lists, tenant) = (lists(&folder, KEY), TenantId::default());
        admitted(&lists, "a.1.1", &["01055550107", "01055550108"], NOW);
        lists.forget(&tenant, "010-5555-0107").unwrap();
        let kept = fs::read_to_string(folder.path().join("default/.sent/a.1.1")).unwrap();
        assert!(!kept.contains(&lists.0.seal.mark("01055550107")), "{kept}");
        assert!(kept.contains(&lists.0.seal.mark("01055550108")), "{kept}");
    }

    #[test]
    fn of_many_at_once_one_is_first() {
        let folder = TempDir::new().unwrap();
        let lists = lists(&folder, KEY);
        let counted = std::thread::scope(|threads| {
            let lists = &lists;
            let tries = (0..8).map(|at| threads.spawn(move || admitted(lists, &format!("{at}.1.1"), &["0101"], NOW)));
            let tries: Vec<_> = tries.collect();
            tries.into_iter().map(|tried| tried.join().unwrap()).sum::<usize>()
        });
        assert_eq!(counted, 1);
    }
}
