//! `kill -9` at random moments under load, a hundred times: no acknowledged
//! distribution is lost, each outcome has one event and one id, claims and
//! history are whole.
//!
//! Through the real program, from outside. `FANFARE_TEST_KILLS` sets how often.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows its figures"
)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

const KILLS: u32 = 100;
const CLIENTS: usize = 6;

/// A service that dies with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // SIGKILL: that is what this test is about.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn start(address: SocketAddr, data_dir: &Path) -> Service {
    let child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("serve")
        .env("FANFARE_LISTEN", address.to_string())
        .env("FANFARE_DATA_DIR", data_dir)
        .env("FANFARE_LOG", "error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let service = Service(child);
    for _ in 0..2_000 {
        if matches!(call(address, "GET", "/readyz", &Value::Null), Some((200, _))) {
            return service;
        }
        pause(Duration::from_millis(5));
    }
    panic!("the service did not become ready");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the moment of death is real time: another process is killed"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// One exchange on a connection of its own; `None` if the service died meanwhile.
fn call(address: SocketAddr, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    // A body that was cut off is no answer.
    Some((status, serde_json::from_str(body).ok()?))
}

fn request(number: u64) -> Value {
    json!({
        "eventId": format!("evt-{number}"),
        "channels": ["WooridongneTV", "RingoBiz", "GenieTV", "Instagram", "NaverBlog", "KakaoChannel"],
        "contentUrls": { "imageUrl": "https://media.example.com/a.jpg", "audioUrl": "https://media.example.com/a.wav" }
    })
}

/// Asks as fast as it can until the service dies; keeps what was acknowledged.
fn ask_until_death(address: SocketAddr, next: &AtomicU64, dead: &AtomicBool, acknowledged: &Mutex<BTreeSet<String>>) {
    while !dead.load(Ordering::Acquire) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some((status, answer)) = call(address, "POST", "/api/distribution/distribute", &request(number)) else {
            continue;
        };
        assert!(status == 200 || status == 202, "{status}: {answer}");
        let id = answer["distributionId"].as_str().unwrap().to_owned();
        acknowledged.lock().unwrap().insert(id);
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_and_nothing_is_told_twice() {
    let kills = std::env::var("FANFARE_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let data_dir = tempfile::tempdir().unwrap();
    // The port is free again at once, and the service takes it for its own.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (next, acknowledged) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(BTreeSet::new())));
    let mut rng = StdRng::seed_from_u64(9);
    for _ in 0..kills {
        let service = start(address, data_dir.path());
        let dead = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (next, dead, acknowledged) = (Arc::clone(&next), Arc::clone(&dead), Arc::clone(&acknowledged));
                std::thread::spawn(move || ask_until_death(address, &next, &dead, &acknowledged))
            })
            .collect();
        pause(Duration::from_millis(rng.random_range(5..120)));
        drop(service);
        dead.store(true, Ordering::Release);
        for client in clients {
            client.join().unwrap();
        }
    }
    let _service = start(address, data_dir.path());
    let database = wait_for_rest(data_dir.path());
    let acknowledged = acknowledged.lock().unwrap();
    assert!(
        acknowledged.len() > kills as usize,
        "only {} were acknowledged: too little load",
        acknowledged.len()
    );
    examine(&database, &acknowledged, kills);
}

fn open(data_dir: &Path) -> Connection {
    let file = data_dir.join("fanfare.db");
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database
}

fn wait_for_rest(data_dir: &Path) -> Connection {
    let database = open(data_dir);
    for _ in 0..600 {
        if count(
            &database,
            "SELECT count(*) FROM distribution_logs WHERE status <> 'COMPLETED'",
        ) == 0
        {
            return database;
        }
        pause(Duration::from_millis(100));
    }
    panic!("what the dead left behind does not come to rest");
}

fn count(database: &Connection, query: &str) -> i64 {
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

fn examine(database: &Connection, acknowledged: &BTreeSet<String>, kills: u32) {
    let mut statement = database.prepare("SELECT id FROM distribution_logs").unwrap();
    let stored: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let lost = acknowledged.difference(&stored).count();
    let distributions = count(database, "SELECT count(*) FROM distribution_logs");
    let repeated = count(
        database,
        "SELECT count(*) FROM (SELECT 1 FROM distribution_channel_logs GROUP BY tenant_id, event_id, channel HAVING count(*) > 1)",
    );
    let left = count(
        database,
        "SELECT count(*) FROM distribution_channel_logs WHERE status = 'NEEDS_REVIEW'",
    );
    let interrupted = count(
        database,
        "SELECT count(DISTINCT distribution_log_id) FROM history WHERE number > 2",
    );
    println!(
        "{kills} kills, {} acknowledged, {distributions} stored, {interrupted} finished by a later life: \
         lost {lost}, repeated {repeated}, left to a person {left}",
        acknowledged.len()
    );
    assert_eq!((lost, repeated, left), (0, 0, 0));
    assert_eq!(
        count(database, "SELECT count(*) FROM outbox"),
        distributions,
        "one event each"
    );
    assert_eq!(
        count(database, "SELECT count(DISTINCT event_uuid) FROM outbox"),
        distributions,
        "one id each"
    );
    let success = "SELECT count(*) FROM distribution_channel_logs WHERE status = 'SUCCESS' AND holds_claim = 1";
    assert_eq!(
        count(database, success),
        distributions * 6,
        "each channel succeeded and holds its claim"
    );
    let gaps = "SELECT count(*) FROM (SELECT 1 FROM history GROUP BY tenant_id, distribution_log_id \
                HAVING count(*) <> max(number) OR min(number) <> 1)";
    assert_eq!(count(database, gaps), 0, "the history has gaps");
    let heads = "SELECT count(*) FROM distribution_logs AS d WHERE history_number <> \
                 (SELECT max(number) FROM history AS h WHERE h.tenant_id = d.tenant_id AND h.distribution_log_id = d.id)";
    assert_eq!(count(database, heads), 0, "the history ends before its distribution");
}
