//! Status, lists, attempts, history, journal.

use std::sync::Arc;

use fanfare::clock::{Clock, ManualClock, SystemClock};
use serde_json::{Value, json};

use crate::support::Service;
use crate::{all_six, bare, with};

#[tokio::test]
async fn the_status_comes_from_the_cache_and_else_from_the_database() {
    let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
    let service = Service::start_at(Arc::clone(&clock) as Arc<dyn Clock>, |_| {}).await;
    let distributed = service.distribute(&all_six("evt-1")).await.success(200);
    let first = service.get("/api/distribution/evt-1/status").await;
    assert_eq!(first.header("x-cache"), "hit");
    clock.advance(std::time::Duration::from_secs(3_601));
    let second = service.get("/api/distribution/evt-1/status").await;
    assert_eq!(second.header("x-cache"), "miss");
    let third = service.get("/api/distribution/evt-1/status").await;
    assert_eq!(third.header("x-cache"), "hit");
    let status = first.success(200);
    assert_eq!(status, second.success(200));
    assert_eq!(status, third.success(200));
    for field in ["eventId", "distributionId", "status", "results"] {
        assert_eq!(status[field], distributed[field], "{field}");
    }
    assert_eq!(status["version"], 1);
    assert_eq!(status["distributions"], json!([]));
    service.stop().await;
}

#[tokio::test]
async fn an_event_is_found_whatever_its_name() {
    let service = Service::start().await;
    for (name, path) in [
        ("이벤트 1", "%EC%9D%B4%EB%B2%A4%ED%8A%B8%201"),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("a+b", "a+b"),
        ("distribute", "distribute"),
        ("..", "%2E%2E"),
    ] {
        service.distribute(&bare(name, &["Instagram"])).await.success(200);
        let status = service
            .get(&format!("/api/distribution/{path}/status"))
            .await
            .success(200);
        assert_eq!(status["eventId"], name);
    }
    let long = "x".repeat(257);
    for path in ["unknown", "%00", "%20", "%FF", &long] {
        let answer = service.get(&format!("/api/distribution/{path}/status")).await;
        answer.problem(404, "event_not_found");
    }
    service.stop().await;
}

#[tokio::test]
async fn one_distribution_its_attempts_and_its_history() {
    let service = Service::start().await;
    let distributed = service
        .distribute(&bare("evt-1", &["Instagram", "NaverBlog"]))
        .await
        .success(200);
    let id = distributed["distributionId"].as_str().unwrap();
    let one = service.get(&format!("/api/distributions/{id}")).await.success(200);
    assert_eq!(one["results"], distributed["results"]);
    assert_eq!(one["version"], 1);
    for time in ["acceptedAt", "completedAt"] {
        assert!(one[time].as_str().unwrap().ends_with('Z'), "{one}");
    }

    let attempts = service
        .get(&format!("/api/distributions/{id}/attempts"))
        .await
        .success(200);
    assert_eq!(attempts["distributionId"], id);
    let attempts = attempts["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2);
    for attempt in attempts {
        assert_eq!(attempt["generation"], 1, "{attempt}");
        assert_eq!(attempt["attempt"], 1, "{attempt}");
        assert_eq!(attempt["phase"], "CONFIRMED", "{attempt}");
        assert!(
            attempt["startedAt"].is_string() && attempt["endedAt"].is_string(),
            "{attempt}"
        );
    }

    let history = service
        .get(&format!("/api/distributions/{id}/history"))
        .await
        .success(200);
    let entries = history["history"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>());
    let words: Vec<_> = entries
        .iter()
        .flat_map(|entry| entry["transitions"].as_array().unwrap())
        .collect();
    let own = words.iter().filter(|transition| transition["channel"].is_null());
    let own: Vec<_> = own.map(|transition| transition["to"].as_str().unwrap()).collect();
    assert_eq!(own, ["PENDING", "IN_PROGRESS", "COMPLETED"], "{history}");
    service.stop().await;
}

#[tokio::test]
async fn an_id_that_is_malformed_answers_like_one_that_is_absent() {
    let service = Service::start().await;
    let absent = "019a9b1e-7c1a-7000-8000-000000000001";
    for end in ["", "/attempts", "/history"] {
        let of = |id: &str| format!("/api/distributions/{id}{end}");
        let mut problems = Vec::new();
        for id in [absent, "1", "nonsense", "%00", "%FF", "'%20or%201=1"] {
            let mut problem = service.get(&of(id)).await.problem(404, "distribution_not_found");
            problem["traceId"] = Value::Null;
            problems.push(problem);
        }
        assert!(problems.windows(2).all(|pair| pair[0] == pair[1]));
    }
    service.stop().await;
}

#[tokio::test]
async fn pages_lead_through_everything_once() {
    let service = Service::start().await;
    let mut expected = Vec::new();
    for place in 0..7 {
        let answer = service
            .distribute(&bare(&format!("evt-{place}"), &["Instagram"]))
            .await
            .success(200);
        expected.insert(0, answer["distributionId"].clone());
    }
    let (mut seen, mut path) = (Vec::new(), "/api/distributions?limit=3".to_owned());
    let cursor = loop {
        let page = service.get(&path).await.success(200);
        let shown = page["distributions"].as_array().unwrap().iter();
        seen.extend(shown.map(|one| one["distributionId"].clone()));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/distributions?limit=3&cursor={next}"),
            None => break path,
        }
    };
    assert_eq!(seen, expected);
    // The limit may change from page to page, the filter may not.
    service.get(&cursor.replace("limit=3", "limit=1")).await.success(200);
    service
        .get(&format!("{cursor}&channel=Instagram"))
        .await
        .problem(400, "bad_cursor");
    for forged in ["", "x", "AQ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00"] {
        let answer = service.get(&format!("/api/distributions?cursor={forged}")).await;
        answer.problem(400, "bad_cursor");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_list_can_be_narrowed() {
    let service = Service::start().await;
    service.distribute(&bare("evt-1", &["Instagram"])).await.success(200);
    service
        .distribute(&bare("evt-2", &["NaverBlog", "KakaoChannel"]))
        .await
        .success(200);
    let skipping = with(bare("evt-3", &["RingoBiz", "Instagram"]), "onInvalid", json!("skip"));
    service.distribute(&skipping).await.success(200);
    for (query, expected) in [
        ("", &["evt-3", "evt-2", "evt-1"][..]),
        ("eventId=evt-2", &["evt-2"]),
        ("eventId=nothing", &[]),
        ("status=COMPLETED", &["evt-2", "evt-1"]),
        ("status=PARTIALLY_COMPLETED", &["evt-3"]),
        ("channel=Instagram", &["evt-3", "evt-1"]),
        ("channelStatus=FAILED", &["evt-3"]),
        ("channel=Instagram&channelStatus=FAILED", &[]),
        ("channel=RingoBiz&channelStatus=FAILED", &["evt-3"]),
        ("until=2020-01-01T00:00:00Z", &[]),
        ("from=2020-01-01T00:00:00%2B09:00", &["evt-3", "evt-2", "evt-1"]),
    ] {
        let page = service.get(&format!("/api/distributions?{query}")).await.success(200);
        let events = page["distributions"].as_array().unwrap().iter();
        let events: Vec<_> = events.map(|one| one["eventId"].as_str().unwrap()).collect();
        assert_eq!(events, expected, "{query}");
    }
    service.stop().await;
}

#[tokio::test]
async fn every_fault_of_a_query_is_named() {
    let service = Service::start().await;
    for (query, parameter, code) in [
        ("limit=0", "limit", "out_of_range"),
        ("limit=201", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("limit=ten", "limit", "out_of_range"),
        ("limit=", "limit", "out_of_range"),
        ("limit=5&limit=5", "limit", "repeated_parameter"),
        ("size=5", "size", "unknown_parameter"),
        ("status=completed", "status", "unknown_value"),
        ("channel=kakao", "channel", "unknown_value"),
        ("channelStatus=DONE", "channelStatus", "unknown_value"),
        ("from=2026-01-01", "from", "bad_time"),
        ("from=2026-01-01T00:00:00", "from", "bad_time"),
        ("until=2026-01-01T00:00:00+09:00", "until", "bad_time"),
        ("eventId=%00", "eventId", "out_of_range"),
        ("tenantId=other", "tenantId", "unknown_parameter"),
    ] {
        let faults = service.get(&format!("/api/distributions?{query}")).await.faults();
        assert_eq!(faults, [(parameter.to_owned(), code.to_owned())], "{query}");
    }
    let all = service
        .get("/api/distributions?limit=0&status=x&colour=red")
        .await
        .faults();
    assert_eq!(all.len(), 3);
    service.stop().await;
}

#[tokio::test]
async fn the_journal_has_each_outcome_once_and_goes_on_from_where_one_stopped() {
    let service = Service::start().await;
    for place in 0..3 {
        service
            .distribute(&bare(&format!("evt-{place}"), &["Instagram"]))
            .await
            .success(200);
    }
    let first = service.get("/api/events?limit=2").await.success(200);
    let next = first["next"].as_u64().unwrap();
    let rest = service.get(&format!("/api/events?after={next}")).await.success(200);
    let end = rest["next"].as_u64().unwrap();
    let nothing = service.get(&format!("/api/events?after={end}")).await.success(200);
    assert_eq!(nothing, json!({"events": [], "next": end}));
    let beyond = service.get("/api/events?after=1000000").await.success(200);
    assert_eq!(beyond, json!({"events": [], "next": 1_000_000}), "as the document says");
    let pages = [&first, &rest].into_iter();
    let events: Vec<_> = pages.flat_map(|page| page["events"].as_array().unwrap()).collect();
    assert_eq!(events.len(), 3);
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["type"], "DistributionCompleted");
        assert_eq!(event["data"]["eventId"], format!("evt-{place}"));
        assert_eq!(event["data"]["version"], 1);
        assert_eq!(event["data"]["status"], "COMPLETED");
        assert!(event["data"]["completedAt"].is_string());
        assert_eq!(event["id"].as_str().unwrap().len(), 36);
    }
    assert!(
        events
            .windows(2)
            .all(|pair| pair[0]["position"].as_u64() < pair[1]["position"].as_u64())
    );
    for query in [
        "after=-1",
        "after=x",
        "after=9223372036854775808",
        "limit=0",
        "before=1",
        "after=1&after=1",
    ] {
        service.get(&format!("/api/events?{query}")).await.faults();
    }
    service.stop().await;
}
