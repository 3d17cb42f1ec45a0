//! What processes cost and which one listens where, as `/proc` says: Linux only,
//! and only of processes that this user may look at. Elsewhere it is not known.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Of `utime` and `stime` in `/proc/<pid>/stat`: the kernel's `USER_HZ`, which
/// is 100 on every architecture that this runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) now: u64,
    pub(super) peak: u64,
}

/// What a `stat` file says, in seconds.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    own: f64,
    /// Of children that are over.
    over: f64,
}

/// Processor time so far, without children.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    Some(stat(&format!("/proc/{pid}/stat"))?.own)
}

/// Of this process.
pub(super) fn own_cpu_seconds() -> Option<f64> {
    cpu_seconds(std::process::id())
}

/// Of the calling thread; in nanoseconds, where `stat` counts hundredths.
pub(super) fn this_thread_cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds).as_secs_f64())
}

/// Of this process's threads of that name.
pub(super) fn thread_cpu_seconds(name: &str) -> Option<f64> {
    let mut sum = None;
    for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
        let comm = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        if comm.trim_end() == name {
            let stat = stat(&thread.path().join("stat").to_string_lossy())?;
            sum = Some(sum.unwrap_or(0.0) + stat.own);
        }
    }
    sum
}

/// Of a process with all its children, those that are over too.
pub(super) fn tree_cpu_seconds(root: u32) -> Option<f64> {
    let all: HashMap<u32, Stat> = pids()
        .filter_map(|pid| Some((pid, stat(&format!("/proc/{pid}/stat"))?)))
        .collect();
    let mut open = vec![root];
    let mut sum = all.get(&root).map(|_| 0.0)?;
    while let Some(pid) = open.pop() {
        sum += all.get(&pid).map_or(0.0, |stat| stat.own + stat.over);
        open.extend(all.iter().filter(|(_, stat)| stat.parent == pid).map(|(pid, _)| *pid));
    }
    Some(sum)
}

/// Who listens on that port; of several that share it, the first.
pub(super) fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let inode = tables.iter().find_map(|table| socket(table, port))?;
    let wanted = format!("socket:[{inode}]");
    let has_it = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| link == Path::new(&wanted))
    };
    pids().filter(has_it).min()
}

/// The inode of the socket that listens there.
fn socket(table: &str, port: u16) -> Option<&str> {
    let place = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&place) && *fields.get(3)? == LISTENS;
        fields.get(9).filter(|_| listens).copied()
    })
}

pub(super) fn memory(pid: u32) -> Option<Memory> {
    memory_of(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn memory_of(status: &str) -> Option<Memory> {
    let kilobytes = |key: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory {
        now: kilobytes("VmRSS:")? * 1_024,
        peak: kilobytes("VmHWM:")? * 1_024,
    })
}

fn pids() -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| process.file_name().to_string_lossy().parse().ok())
}

fn stat(path: &str) -> Option<Stat> {
    stat_of(&fs::read_to_string(path).ok()?)
}

/// The program's name, in parentheses, may contain anything; after it, the
/// parent is the second field, the times are the twelfth to the fifteenth.
fn stat_of(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u32>().ok().map(f64::from);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) / TICKS_A_SECOND,
        over: (ticks(13)? + ticks(14)?) / TICKS_A_SECOND,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_any_name() {
        let text = "42 (a ) b) S 7 42 42 0 -1 4194560 900 0 0 0 150 50 30 20 20 0 5 0 100 1000 200";
        let stat = Stat {
            parent: 7,
            own: 2.0,
            over: 0.5,
        };
        assert_eq!(stat_of(text), Some(stat));
        assert_eq!(stat_of("nonsense"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let memory = memory_of("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n").unwrap();
        assert_eq!((memory.now, memory.peak), (1_048_576, 2_097_152));
    }

    #[test]
    fn who_listens_is_found() {
        let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listening.local_addr().unwrap().port();
        assert_eq!(listener(port), Some(std::process::id()));
        drop(listening);
        assert_eq!(listener(port), None);
    }

    #[test]
    fn a_tree_costs_at_least_what_its_root_does() {
        let own = own_cpu_seconds().unwrap();
        assert!(tree_cpu_seconds(std::process::id()).unwrap() >= own);
        assert_eq!(thread_cpu_seconds("no such thread"), None);
    }
}
