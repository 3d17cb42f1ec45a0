//! Who may do what: every route of the document, and every way not to be let in
//! (T20). A route that is new is knocked at too, without a word here.

use std::time::Duration;

use fanfare::app;
use fanfare::clock::SystemClock;
use fanfare::config::{AuthRequired, Config};
use fanfare_core::api_key::Scope;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Answer, Key, PATIENCE, Service};
use crate::{bare, with};

/// A service that asks for keys from the beginning.
async fn closed() -> Service {
    Service::start_as(|config| config.auth.required = AuthRequired::Always).await
}

/// A route as the document describes it.
struct Route {
    method: String,
    path: String,
    /// Absent where everybody may come.
    scope: Option<Scope>,
}

impl Route {
    fn to(&self, event: &str, id: &str) -> String {
        let path = self.path.replace("{eventId}", event).replace("{id}", id);
        path.replace("{channel}", "Instagram").replace("{endpoint}", "ops")
    }

    /// A body that would do something.
    fn body(&self) -> Value {
        match self.path.rsplit('/').next() {
            Some("retry" | "cancel" | "withdraw") => json!({}),
            Some("redrive") => json!({"eventId": "evt-knock"}),
            Some("resolve") => json!({"live": false}),
            Some("stop") => json!({"scope": "tenant", "action": "resume"}),
            Some("breaker") => json!({"action": "close"}),
            Some("account") => json!({"accountId": "1784", "accessToken": "canary-token"}),
            _ => bare("evt-knock", &["Instagram"]),
        }
    }

    async fn knock(&self, service: &Service, place: (&str, &str), headers: &[(&str, &str)]) -> Answer {
        let path = self.to(place.0, place.1);
        if ["POST", "PUT"].contains(&&*self.method) {
            return service.send(&self.method, &path, headers, &self.body()).await;
        }
        service.ask(&self.method, &path, headers, b"").await
    }
}

async fn routes(service: &Service) -> Vec<Route> {
    let document = service.get("/openapi.json").await.success(200);
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needs = operation["security"].as_array().unwrap();
            let scope = needs.first().map(|need| need["apiKey"][0].as_str().unwrap());
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.clone(),
                scope: scope.map(|scope| Scope::from_name(scope).unwrap()),
            });
        }
    }
    assert!(routes.len() >= 15);
    routes
}

/// A distribution of that tenant's event `evt-1`.
async fn distributed(service: &Service, key: &Key) -> String {
    let body = bare("evt-1", &["Instagram"]);
    let answer = service
        .post_with("/api/distribution/distribute", &[key.header()], &body)
        .await;
    answer.success(200)["distributionId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_route_refuses_who_may_not() {
    let service = closed().await;
    let admin = service.key("default", &[Scope::Admin]).await;
    let id = distributed(&service, &admin).await;
    let place = ("evt-1", &*id);
    let revoked = service.key("default", &Scope::ALL).await;
    service.revoke(&revoked).await;
    let mut single = Vec::new();
    for scope in [Scope::Distribute, Scope::Read, Scope::Operate] {
        single.push((scope, service.key("default", &[scope]).await));
    }
    let unknown = format!("Bearer ff_{}", "A".repeat(42) + "E");
    let cut = &admin.bearer[..admin.bearer.len() - 1];
    let basic = admin.bearer.replace("Bearer", "Basic");
    for route in routes(&service).await {
        let name = format!("{} {}", route.method, route.path);
        let Some(needed) = route.scope else {
            // A channel's webhook asks for its signature instead.
            let open = if route.path.ends_with("/results") { 403 } else { 200 };
            assert_eq!(route.knock(&service, place, &[]).await.status, open, "{name}");
            continue;
        };
        for (value, challenge) in [
            (None, "Bearer realm=\"fanfare\""),
            (Some(""), "invalid_token"),
            (Some(cut), "invalid_token"),
            (Some(&*basic), "invalid_token"),
            (Some(&*unknown), "invalid_token"),
            (Some(&*revoked.bearer), "invalid_token"),
        ] {
            let header = value.map(|value| ("authorization", value));
            let answer = route.knock(&service, place, header.as_slice()).await;
            answer.problem(401, "unauthenticated");
            assert!(
                answer.header("www-authenticate").contains(challenge),
                "{name}: {answer:?}"
            );
        }
        for (scope, key) in &single {
            let answer = route.knock(&service, place, &[key.header()]).await;
            if *scope == needed {
                assert!(![401, 403].contains(&answer.status), "{name} with {scope}: {answer:?}");
                continue;
            }
            let problem = answer.problem(403, "insufficient_scope");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("scope `{needed}`")), "{name}: {detail}");
            let challenge = answer.header("www-authenticate");
            assert!(
                challenge.contains(&format!("scope=\"{needed}\"")),
                "{name}: {challenge}"
            );
        }
        let answer = route.knock(&service, place, &[admin.header()]).await;
        assert!(![401, 403].contains(&answer.status), "{name}: {answer:?}");
    }
    service.stop().await;
}

/// A page of a handed-off post is its link's, and so in no document: its route
/// asks for no key, and opens for nobody who only guesses.
#[tokio::test]
async fn a_hand_off_page_asks_for_a_good_link_and_no_key() {
    let service = closed().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (method, headers) in [("GET", &[][..]), ("HEAD", &[]), ("POST", &[form])] {
        let answer = service.ask(method, "/handoff/guess", headers, b"postUrl=x").await;
        assert_eq!(answer.status, 404, "{method}: {answer:?}");
    }
    service.stop().await;
}

/// Another tenant's distribution is answered as one that is not there, to the
/// letter; nothing of it can be changed.
#[tokio::test]
async fn another_tenants_id_is_no_id() {
    let service = closed().await;
    let owner = service.key("default", &[Scope::Admin]).await;
    let stranger = service.key("cafe", &[Scope::Admin]).await;
    let id = distributed(&service, &owner).await;
    let absent = "019a9b1e-7c1a-7000-8000-000000000001";
    let mut asked = 0;
    for route in routes(&service).await {
        let name = format!("{} {}", route.method, route.path);
        if route.path == "/metrics" {
            let answer = route.knock(&service, ("", ""), &[stranger.header()]).await;
            answer.problem(403, "operator_only");
        }
        if !route.path.contains("{id}") && !route.path.contains("{eventId}") {
            continue;
        }
        asked += 1;
        let mut answers = Vec::new();
        for place in [("evt-1", &*id), ("evt-2", absent)] {
            let answer = route.knock(&service, place, &[stranger.header()]).await;
            assert_eq!(answer.status, 404, "{name}: {answer:?}");
            let mut body = answer.json();
            body["traceId"] = Value::Null;
            answers.push(body);
        }
        assert_eq!(answers[0], answers[1], "{name}");
    }
    assert!(asked >= 7, "{asked}");
    let found = service
        .ask(
            "GET",
            &format!("/api/distributions/{id}/history"),
            &[owner.header()],
            b"",
        )
        .await;
    assert_eq!(found.success(200)["history"].as_array().unwrap().len(), 2);
    service.stop().await;
}

#[tokio::test]
async fn refusals_are_korean_too_and_repeat_nothing_of_a_key() {
    let service = closed().await;
    let reader = service.key("default", &[Scope::Read]).await;
    let korean = ("accept-language", "ko");
    let body = bare("evt-1", &["Instagram"]);
    let path = "/api/distribution/distribute";
    let missing = service
        .post_with(path, &[korean], &body)
        .await
        .problem(401, "unauthenticated");
    assert_eq!(missing["title"], "API 키가 필요합니다");
    let refused = service.post_with(path, &[korean, reader.header()], &body).await;
    let refused = refused.problem(403, "insufficient_scope");
    assert_eq!(
        refused["detail"],
        "`distribute` 권한이 있는 키가 필요합니다. 이 키의 권한은 `read`입니다. 처리된 것은 없습니다."
    );
    let typo = reader.bearer.to_lowercase();
    let answer = service
        .ask("GET", "/api/channels", &[("authorization", &typo)], b"")
        .await;
    answer.problem(401, "unauthenticated");
    let key = reader.bearer.trim_start_matches("Bearer ");
    let said = format!("{answer:?}").to_lowercase();
    assert!(!said.contains(&key[3..20].to_lowercase()), "{said}");
    service.stop().await;
}

#[tokio::test]
async fn who_may_is_let_in_and_a_tenant_in_the_body_is_unknown() {
    let service = closed().await;
    let key = service.key("cafe", &[Scope::Distribute, Scope::Read]).await;
    let body = with(bare("evt-1", &["Instagram"]), "tenantId", json!("default"));
    let answer = service
        .post_with("/api/distribution/distribute", &[key.header()], &body)
        .await;
    assert_eq!(answer.faults(), [("/tenantId".to_owned(), "unknown_field".to_owned())]);
    distributed(&service, &key).await;
    let head = service.ask("HEAD", "/api/distributions", &[], b"").await;
    assert_eq!(head.status, 401);
    let head = service.ask("HEAD", "/api/distributions", &[key.header()], b"").await;
    assert_eq!(head.status, 200);
    let wrong_method = service.ask("DELETE", "/api/distributions", &[], b"").await;
    wrong_method.problem(405, "method_not_allowed");
    service.get("/nowhere").await.problem(404, "path_not_found");
    service.stop().await;
}

/// Without a restart; and who brings that key is known at once.
#[tokio::test]
async fn the_first_key_shuts_the_door_of_a_service_that_runs() {
    let service = Service::start().await;
    service.get("/api/distributions").await.success(200);
    let elsewhere = [("authorization", "Basic cHJveHk6cHc=")];
    let answer = service.ask("GET", "/api/distributions", &elsewhere, b"").await;
    answer.success(200);
    let unknown = format!("Bearer ff_{}", "A".repeat(42) + "E");
    let answer = service
        .ask("GET", "/api/channels", &[("authorization", &unknown)], b"")
        .await;
    answer.problem(401, "unauthenticated");
    let _key = service.key("default", &[Scope::Read]).await;
    let begun = Instant::now();
    while service.get("/api/distributions").await.status != 401 {
        assert!(begun.elapsed() < PATIENCE, "the door is still open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let service = service.restart_as(|_| {}).await;
    service.get("/api/distributions").await.problem(401, "unauthenticated");
    service.stop().await;
}

#[tokio::test]
async fn a_key_that_is_brought_counts_where_none_is_asked_for() {
    let service = Service::start().await;
    let key = service.key("cafe", &[Scope::Admin]).await;
    distributed(&service, &key).await;
    let mine = service.ask("GET", "/api/distributions", &[key.header()], b"").await;
    assert_eq!(mine.success(200)["distributions"].as_array().unwrap().len(), 1);
    service.get("/api/distributions").await.problem(401, "unauthenticated");
    service.stop().await;
}

/// For requests and for streams that are open.
#[tokio::test]
async fn a_revoked_key_opens_nothing_after_five_seconds() {
    let service = Service::start_as(|config| config.http.heartbeat_ms = 50).await;
    let key = service.key("default", &[Scope::Admin]).await;
    let body = with(bare("evt-1", &["Instagram"]), "scheduledAt", json!(tomorrow()));
    let answer = service
        .post_with("/api/distribution/distribute", &[key.header()], &body)
        .await;
    let path = format!("{}/events", answer.header("location"));
    answer.success(202);
    let mut stream = service.connect().await;
    let bearer = &key.bearer;
    stream
        .send(format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: {bearer}\r\nconnection: close\r\n\r\n"
        ))
        .await;
    let head = stream.answer().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    service.revoke(&key).await;
    let revoked_at = Instant::now();
    let rest = stream.rest().await;
    assert!(!rest.contains("event: end"), "{rest}");
    assert!(
        revoked_at.elapsed() < Duration::from_secs(6),
        "{:?}",
        revoked_at.elapsed()
    );
    let answer = service.ask("GET", "/api/distributions", &[key.header()], b"").await;
    let problem = answer.problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("revoked"), "{problem}");
    service.stop().await;
}

fn tomorrow() -> String {
    use fanfare::clock::Clock;
    let now = SystemClock::default().now();
    jiff::Timestamp::from_second(now.as_second() + 86_400)
        .unwrap()
        .to_string()
}

/// Nothing switches that off.
#[tokio::test]
async fn a_door_that_others_can_reach_stays_shut_without_a_key() {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        listen: ([0, 0, 0, 0], 0).into(),
        data_dir: data.path().to_owned(),
        ..Config::default()
    };
    let Err(refused) = app::start(&config).await else {
        panic!("everybody may come in")
    };
    let said = format!("{refused:#}");
    let make = format!(
        "FANFARE_DATA_DIR='{}' fanfare keys create --name admin --scope admin",
        data.path().display()
    );
    assert!(said.contains(&make) && said.contains("0.0.0.0"), "{said}");
}
