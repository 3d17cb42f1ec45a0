//! T9: the wall clocks of the nodes are wrong by a day, each in another way, and
//! jump. `libfaketime` shows them to the nodes alone; the database's is right.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::checker::examine;
use crate::cluster::Cluster;
use crate::load::{Load, call, request};
use crate::observed::{at_rest, count, database};
use crate::support::DISTRIBUTE;

/// Where Debian and others have it.
fn library() -> PathBuf {
    let name = "faketime/libfaketimeMT.so.1";
    let lib = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut places = lib.map(|entry| entry.path()).chain([PathBuf::from("/usr/lib")]);
    let found = places.find_map(|place| Some(place.join(name)).filter(|file| file.exists()));
    found.expect("T9 needs libfaketime: install it (Debian: apt-get install libfaketime)")
}

/// Has this node's next process read its clock through a file.
fn fake(cluster: &mut Cluster, number: usize, file: &Path, by: &str) {
    std::fs::write(file, by).unwrap();
    let set = |name: &str, value: String| (name.to_owned(), value);
    cluster.nodes[number].settings = vec![
        set("LD_PRELOAD", library().display().to_string()),
        set("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        set("FAKETIME_NO_CACHE", "1".to_owned()),
        set("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        set("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
}

async fn restart(cluster: &mut Cluster, number: usize) {
    cluster.kill(number);
    cluster.begin(number);
    cluster.ready(number).await;
}

/// For six events, half at each node: this many seconds from now by the database's clock.
async fn schedule(cluster: &Cluster, seconds: u32) -> (String, BTreeSet<String>) {
    let at = format!(
        "SELECT to_char((now() + interval '{seconds} seconds') AT TIME ZONE 'Asia/Seoul', 'YYYY-MM-DD\"T\"HH24:MI:SS') \
         || '+09:00'"
    );
    let at: String = database(cluster).await.query_one(&at, &[]).await.unwrap().get(0);
    let mut ids = BTreeSet::new();
    for number in 0..6 {
        let mut body = request(cluster.simulator.base_url(), &format!("evt-later-{number}"));
        body["scheduledAt"] = json!(at);
        let address = cluster.nodes[number % 2].address;
        let (status, answer) = call(address, "POST", DISTRIBUTE, Some(&body)).await.unwrap();
        assert_eq!(status, 202, "{answer}");
        ids.insert(answer["distributionId"].as_str().unwrap().to_owned());
    }
    (at, ids)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_wrong_by_a_day_and_jump_harm_neither_leases_nor_schedules() {
    let directory = TempDir::new().unwrap();
    let clock = |number: usize| directory.path().join(format!("clock-{number}"));
    let mut cluster = Cluster::start(2).await;
    for (number, by) in ["+1d", "-1d"].into_iter().enumerate() {
        fake(&mut cluster, number, &clock(number), by);
        restart(&mut cluster, number).await;
    }
    let database = database(&cluster).await;
    let (at, mut acknowledged) = schedule(&cluster, 12).await;
    // Who finds them anew has a clock by which they were due yesterday.
    restart(&mut cluster, 0).await;
    let lives = count(&database, "SELECT max(token) FROM incarnations").await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 3);
    let began = "SELECT count(*) FROM distribution_channel_logs
         WHERE event_id LIKE 'evt-later-%' AND (attempt_started_at IS NOT NULL OR status NOT IN ('PENDING', 'WAITING'))";
    let to_come = format!("SELECT extract(epoch FROM '{at}'::timestamptz - now())::bigint * 1000");
    let (mut jumps, words) = (0, ["-1d", "+0", "+1d", "+1d -1h"]);
    while count(&database, &to_come).await > 500 {
        assert_eq!(count(&database, began).await, 0, "it has begun before its time");
        for number in 0..2 {
            std::fs::write(clock(number), words[(jumps + number) % words.len()]).unwrap();
        }
        jumps += 1;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let told = load.end().await;
    acknowledged.extend(load.acknowledged.lock().unwrap().iter().cloned());
    let observed = at_rest(&cluster, acknowledged).await;
    let verdict = examine(&observed);
    println!(
        "{jumps} jumps of both clocks by a day, {told} acknowledged: lost {}, repeated {}, left to a person {}",
        verdict.lost, verdict.repeated, verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(verdict.left_to_a_person, 0);
    let later = observed
        .effects
        .iter()
        .filter(|(_, event)| event.starts_with("evt-later-"));
    assert_eq!(later.count(), 36, "six channels, six events, once");
    let lives_now = count(&database, "SELECT max(token) FROM incarnations").await;
    assert_eq!(lives_now, lives, "a node was taken for dead, or took itself for it");
}
