//! `fanfare load --engines`: what is said of its servers. Needs all three:
//! `PostgreSQL`, Kafka and Redis.

use serde_json::Value;

use crate::program::fanfare_with;

fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_missing| panic!("set {name}: scripts/servers run cargo test"))
}

#[test]
fn a_short_load_says_what_each_server_did() {
    let database = given("FANFARE_TEST_DATABASE_URL");
    let (kafka, redis) = (given("FANFARE_TEST_KAFKA"), given("FANFARE_TEST_REDIS_URL"));
    let variables = [
        ("FANFARE_DATABASE_URL", database.as_str()),
        ("FANFARE_KAFKA_BROKERS", &kafka),
        ("FANFARE_REDIS_URL", &redis),
    ];
    let load = [
        "load",
        "--engines",
        "--live",
        "--seconds",
        "1",
        "--callers",
        "4",
        "--json",
    ];
    let ended = fanfare_with(&load, &variables, "");
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let measured: Value = serde_json::from_str(&ended.stdout).unwrap();
    let run = &measured["runs"][0];
    let servers = &run["servers"];
    let figure = |of: &Value, name: &str| of[name].as_f64().unwrap_or_else(|| panic!("{name} in {measured:#}"));
    let wal = figure(servers, "walKbPerDistribution");
    assert!((2.0..100.0).contains(&wal), "{measured:#}");
    // Its own and the relay's, fewer than two a distribution and a few a second.
    let transactions = figure(servers, "transactionsPerDistribution");
    assert!((0.01..10.0).contains(&transactions), "{measured:#}");
    assert!(figure(&run["exchange"], "p99OfAllowed") > 0.0, "{measured:#}");
    assert!(figure(servers, "publishedAfterMs") < 60_000.0, "{measured:#}");
    // Their own processes are seen only where they run on this machine.
    let each = servers["cpuSecondsPer1000Deliveries"]["each"].as_object().unwrap();
    let names: Vec<&String> = each.keys().collect();
    let all = ["Kafka", "PostgreSQL", "Redis", "simulated channels", "this command"];
    assert_eq!(names, all, "{measured:#}");
    assert!(each["simulated channels"].as_f64().is_some(), "{measured:#}");
}
