//! Redis hung, killed, refusing: the database answers, as fast as without Redis
//! (T8). And that the way to it can be encrypted.

use std::process::Stdio;
use std::time::Duration;

use redis::AsyncCommands;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::redis_server::{FaultProxy, PrivateRedis, connect, shared_url};
use crate::shared_cache::{new_event, status, with_redis};
use crate::support::{PATIENCE, Service};
use crate::{bare, with};

/// By then the breaker is open, as T8 demands it.
const OPEN_WITHIN: Duration = Duration::from_secs(1);

/// Asks until the cache answers again.
async fn hit(service: &Service, event: &str) -> Value {
    let asking = async {
        loop {
            let answer = status(service, event).await;
            if answer.header("x-cache") == "hit" {
                return answer.success(200);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("the cache did not come back")
}

/// How long each of so many questions takes, all answered by the database.
async fn missed(service: &Service, event: &str, count: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let answer = status(service, event).await;
        took.push(begun.elapsed());
        assert_eq!(answer.header("x-cache"), "miss");
        answer.success(200);
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_costs_little_and_is_left_alone_within_a_second() {
    let proxy = FaultProxy::to(&shared_url()).await;
    let (service, event) = (Service::start_as(with_redis(&proxy.url())).await, new_event());
    let first = service.distribute(&bare(&event, &["Instagram"])).await.success(200);
    assert_eq!(hit(&service, &event).await["distributionId"], first["distributionId"]);

    proxy.hang();
    let hung = Instant::now();
    let shown = status(&service, &event).await.success(200);
    assert_eq!(shown["distributionId"], first["distributionId"]);
    assert!(hung.elapsed() < OPEN_WITHIN, "{:?}", hung.elapsed());
    tokio::time::sleep_until(hung + OPEN_WITHIN).await;
    // Whoever asked Redis would wait 50 ms.
    let median = missed(&service, &event, 21).await[10];
    assert!(median < Duration::from_millis(40), "{median:?}");

    // What happens meanwhile, Redis does not get to know; it still has the old state.
    let again = with(bare(&event, &["Instagram"]), "allowRepeat", json!(true));
    let second = service.distribute(&again).await.success(200);
    proxy.heal();
    loop {
        let answer = status(&service, &event).await;
        assert_eq!(answer.json()["distributionId"], second["distributionId"], "{answer:?}");
        if answer.header("x-cache") == "hit" {
            break;
        }
        assert!(hung.elapsed() < PATIENCE, "the cache did not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let value: String = connect(&shared_url())
        .await
        .get(format!("distribution:{event}"))
        .await
        .unwrap();
    let value: Value = serde_json::from_str(&value).unwrap();
    assert_eq!(value["results"], second["results"]);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_is_not_missed_and_is_used_again() {
    let mut redis = PrivateRedis::start(&[]).await;
    let (service, event) = (Service::start_as(with_redis(&redis.url())).await, new_event());
    service.distribute(&bare(&event, &["Instagram"])).await.success(200);
    hit(&service, &event).await;

    redis.kill().await;
    let median = missed(&service, &event, 21).await[10];
    assert!(median < Duration::from_millis(40), "{median:?}");
    let other = new_event();
    let put = service.distribute(&bare(&other, &["NaverBlog"])).await.success(200);
    assert_eq!(status(&service, &other).await.success(200)["results"], put["results"]);

    redis.start_again().await;
    assert_eq!(hit(&service, &other).await["results"], put["results"]);
    service.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_not_there_yet_is_used_once_it_is() {
    let mut redis = PrivateRedis::start(&[]).await;
    redis.kill().await;
    let (service, event) = (Service::start_as(with_redis(&redis.url())).await, new_event());
    service.distribute(&bare(&event, &["Instagram"])).await.success(200);
    assert_eq!(status(&service, &event).await.header("x-cache"), "miss");
    redis.start_again().await;
    hit(&service, &event).await;
    service.stop().await;
}

/// Status requests with Redis hung, beside those of a service without Redis:
/// rounds in turn, the median of each round's 99th percentile.
#[tokio::test(flavor = "multi_thread")]
async fn with_redis_hung_the_service_is_as_fast_as_one_without() {
    const ROUNDS: usize = 9;
    const REQUESTS: usize = 200;
    let proxy = FaultProxy::to(&shared_url()).await;
    let hung = Service::start_as(with_redis(&proxy.url())).await;
    // An entry that is never read again: without Redis and without a cache.
    let without = Service::start_as(|config| config.status_cache.max_entries = 1).await;
    let events = [new_event(), new_event()];
    for event in &events {
        for service in [&hung, &without] {
            service.distribute(&bare(event, &["Instagram"])).await.success(200);
        }
    }
    proxy.hang();
    tokio::time::sleep(OPEN_WITHIN).await;
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (service, p99s) in [&hung, &without].into_iter().zip(&mut rounds) {
            let mut took = Vec::new();
            for place in 0..REQUESTS {
                let begun = Instant::now();
                status(service, &events[place % 2]).await.success(200);
                took.push(begun.elapsed());
            }
            took.sort_unstable();
            p99s.push(took[REQUESTS * 99 / 100]);
        }
    }
    let [hung_p99, without_p99] = rounds.map(|mut p99s| {
        p99s.sort_unstable();
        p99s[ROUNDS / 2]
    });
    let ratio = hung_p99.as_secs_f64() / without_p99.as_secs_f64();
    println!("p99 of a status: {hung_p99:?} with Redis hung, {without_p99:?} without Redis, ratio {ratio:.2}");
    assert!(ratio <= 2.0, "{ratio:.2}");
    hung.stop().await;
    without.stop().await;
}

/// The program, and what it has logged so far.
struct Program {
    child: Child,
    _data: TempDir,
    log: String,
    url: String,
}

impl Program {
    /// With these variables, until it is ready.
    async fn start(variables: &[(&str, &str)]) -> Self {
        let data = TempDir::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .arg("serve")
            .env("FANFARE_LISTEN", "127.0.0.1:0")
            .env("FANFARE_DATA_DIR", data.path())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let reading = async {
            loop {
                let line = said.next_line().await.unwrap().expect("it ended before it was ready");
                if let Some((_, address)) = line.split_once("http://") {
                    return format!("http://{address}");
                }
            }
        };
        let url = tokio::time::timeout(PATIENCE, reading).await.unwrap();
        Self {
            child,
            _data: data,
            log: String::new(),
            url,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let url = format!("{}{path}", self.url);
        crate::support::ask_elsewhere(method, &url, body.as_bytes())
            .await
            .json()
    }

    /// Ends it; all that it has logged.
    async fn end(mut self) -> String {
        self.child.start_kill().unwrap();
        let mut lines = BufReader::new(self.child.stderr.take().unwrap()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        self.log
    }
}

#[tokio::test]
async fn a_refusal_is_one_line_with_the_setting_and_the_servers_answer() {
    let redis = PrivateRedis::start(&["--requirepass", "right"]).await;
    let dead = PrivateRedis::start(&[]).await.port;
    for (url, said) in [
        (format!("redis://:canary@127.0.0.1:{}", redis.port), "WRONGPASS"),
        (format!("redis://canary:canary@127.0.0.1:{}", redis.port), "WRONGPASS"),
        (redis.url(), "NOAUTH"),
        (format!("redis://:canary@127.0.0.1:{dead}"), "Connection refused"),
        (format!("redis://:right@127.0.0.1:{}/99", redis.port), "DB index"),
        (format!("rediss://:canary@127.0.0.1:{}", redis.port), "error="),
    ] {
        let program = Program::start(&[("FANFARE_REDIS_URL", &url)]).await;
        let ready = program.ask("GET", "/readyz", &Value::Null).await;
        assert_eq!(ready["status"], "ready", "{ready}");
        let log = program.end().await;
        let lines: Vec<_> = log.lines().filter(|line| line.contains("FANFARE_REDIS_URL")).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(said) && lines[0].contains("127.0.0.1"), "{log}");
        assert!(!log.contains("canary") && !log.contains("right"), "{log}");
    }
}

#[tokio::test]
async fn a_url_that_is_none_stops_the_start_without_being_shown() {
    let program = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("serve")
        .env("FANFARE_REDIS_URL", "http://user:canary@cache:6379")
        .output();
    let output = tokio::time::timeout(PATIENCE, program).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("FANFARE_REDIS_URL: redis_url") && said.contains("redis://host:port"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn tls_and_a_user_with_the_least_rights_are_enough() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/redis-tls");
    let (cert, key) = (format!("{folder}/cert.pem"), format!("{folder}/key.pem"));
    let tls_port = PrivateRedis::start(&[]).await.port.to_string();
    let options = [
        ["--tls-port", &tls_port],
        ["--tls-cert-file", &cert],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
        [
            "--user",
            "fanfare on >p@ss resetkeys ~distribution:* ~*/distribution:* ~fanfare:* \
            +get +set +del +evalsha +script|load +client|setinfo",
        ],
    ];
    let redis = PrivateRedis::start(&options.concat()).await;
    let url = format!("rediss://fanfare:p%40ss@127.0.0.1:{tls_port}");
    let program = Program::start(&[("FANFARE_REDIS_URL", &url), ("SSL_CERT_FILE", &cert)]).await;
    let event = new_event();
    let answer = program
        .ask("POST", "/api/distribution/distribute", &bare(&event, &["Instagram"]))
        .await;
    let held: Option<String> = connect(&redis.url())
        .await
        .get(format!("distribution:{event}"))
        .await
        .unwrap();
    let log = program.end().await;
    let held: Value = serde_json::from_str(&held.unwrap_or_else(|| panic!("{answer} {log}"))).unwrap();
    assert_eq!(held["results"], answer["results"], "{log}");
    assert!(!log.contains("p@ss") && !log.contains("p%40ss"), "{log}");
}
