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
use crate::support::{Answer, PATIENCE, Service, ask_elsewhere};
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

/// Status requests with Redis hung, beside those of a service without Redis
/// whose cache has no room, so that both answer from the database; for
/// comparison, one whose cache answers. In turn, the median of the rounds' 99th
/// percentiles.
#[tokio::test(flavor = "multi_thread")]
async fn with_redis_hung_the_service_is_as_fast_as_one_without() {
    let proxy = FaultProxy::to(&shared_url()).await;
    let services = [
        Service::start_as(with_redis(&proxy.url())).await,
        Service::start_as(|config| config.status_cache.max_entries = 1).await,
        Service::start().await,
    ];
    let events: Vec<_> = (0..EVENTS).map(|_| new_event()).collect();
    for service in &services {
        for event in &events {
            service.distribute(&bare(event, &["Instagram"])).await.success(200);
        }
    }
    proxy.hang();
    tokio::time::sleep(OPEN_WITHIN).await;
    let mut rounds = services.each_ref().map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (service, rounds) in services.iter().zip(&mut rounds) {
            rounds.push(round(service, &events).await);
        }
    }
    let [hung, without, cached] = rounds.map(|rounds| Figures::median_of(&rounds));
    println!("a status, Redis hung: {hung:?}; without Redis, from the database: {without:?}, from memory: {cached:?}");
    assert_eq!(hung.hits, 0);
    assert!(without.hits < QUESTIONS / 10, "the comparison is with the database");
    let ratio = |ours: Duration, theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64();
    let (p99, median) = (ratio(hung.p99, without.p99), ratio(hung.median, without.median));
    println!("Redis hung ÷ without: p99 {p99:.2}, median {median:.2}");
    assert!(p99 <= 2.0 && median <= 2.0, "p99 {p99:.2}, median {median:.2}");
    for service in services {
        service.stop().await;
    }
}

const EVENTS: usize = 60;
const ROUNDS: usize = 15;
const QUESTIONS: usize = 300;

/// What a round shows.
#[derive(Debug)]
struct Figures {
    p99: Duration,
    median: Duration,
    hits: usize,
}

impl Figures {
    fn median_of(rounds: &[Self]) -> Self {
        let median = |mut values: Vec<Duration>| {
            values.sort_unstable();
            values[values.len() / 2]
        };
        Self {
            p99: median(rounds.iter().map(|round| round.p99).collect()),
            median: median(rounds.iter().map(|round| round.median).collect()),
            hits: rounds.iter().map(|round| round.hits).max().unwrap(),
        }
    }
}

async fn round(service: &Service, events: &[String]) -> Figures {
    let (mut took, mut hits) = (Vec::new(), 0);
    for event in events.iter().cycle().take(QUESTIONS) {
        let begun = Instant::now();
        let answer = status(service, event).await;
        took.push(begun.elapsed());
        answer.success(200);
        hits += usize::from(answer.header("x-cache") == "hit");
    }
    took.sort_unstable();
    Figures {
        p99: took[QUESTIONS * 99 / 100],
        median: took[QUESTIONS / 2],
        hits,
    }
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

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let url = format!("{}{path}", self.url);
        ask_elsewhere(method, &url, body.as_bytes()).await
    }

    async fn breaker_is_open(&self) -> bool {
        let metrics = self.ask("GET", "/metrics", &Value::Null).await;
        let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
        let name = "fanfare_cache_breaker_open ";
        let gauge = metrics.lines().find_map(|line| line.strip_prefix(name));
        gauge.expect("the gauge is missing") == "1"
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
        assert_eq!(program.ask("GET", "/readyz", &Value::Null).await.status, 200);
        assert!(program.breaker_is_open().await);
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
    let tls = [
        ["--tls-port", &tls_port],
        ["--tls-cert-file", &cert],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
    ];
    // What the example of the configuration names.
    let rights = "~distribution:* ~*/distribution:* ~fanfare:* +get +set +del +evalsha +script|load";
    let user = format!("--user fanfare on >p@ss resetkeys {rights}");
    let options: Vec<_> = tls.into_iter().flatten().chain(user.split(' ')).collect();
    let redis = PrivateRedis::start(&options).await;
    let url = format!("rediss://fanfare:p%40ss@127.0.0.1:{tls_port}");
    let program = Program::start(&[("FANFARE_REDIS_URL", &url), ("SSL_CERT_FILE", &cert)]).await;
    let event = new_event();
    assert!(!program.breaker_is_open().await);
    let answer = program
        .ask("POST", "/api/distribution/distribute", &bare(&event, &["Instagram"]))
        .await;
    let held: Option<String> = connect(&redis.url())
        .await
        .get(format!("distribution:{event}"))
        .await
        .unwrap();
    let (answer, log) = (answer.json(), program.end().await);
    let held: Value = serde_json::from_str(&held.unwrap_or_else(|| panic!("{answer} {log}"))).unwrap();
    assert_eq!(held["results"], answer["results"], "{log}");
    assert!(!log.contains("p@ss") && !log.contains("p%40ss"), "{log}");
}
