//! Two tenants who do the same at the same service: none sees the other (I17).

use fanfare::config::AuthRequired;
use fanfare_core::api_key::Scope;
use serde_json::{Value, json};

use crate::support::{Answer, DISTRIBUTE, Key, Service};
use crate::{bare, with};

struct Tenant<'s> {
    service: &'s Service,
    key: Key,
}

impl Tenant<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.service.ask("GET", path, &[self.key.header()], b"").await
    }

    async fn post(&self, path: &str, name: &str, body: &Value) -> Answer {
        let headers = [self.key.header(), ("idempotency-key", name)];
        self.service.post_with(path, &headers, body).await
    }

    /// All that a tenant can list.
    async fn seen(&self) -> Value {
        json!([
            self.get("/api/distributions").await.success(200)["distributions"],
            self.get("/api/events").await.success(200)["events"],
            self.get("/api/distribution/evt-1/status").await.success(200),
        ])
    }
}

fn id_of(answer: &Answer) -> String {
    answer.json()["distributionId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_tenants_who_do_the_same_do_not_meet() {
    let service = Service::start_as(|config| config.auth.required = AuthRequired::Always).await;
    let (a, b) = (
        service.key("default", &[Scope::Admin]).await,
        service.key("cafe", &[Scope::Admin]).await,
    );
    let [a, b] = [a, b].map(|key| Tenant { service: &service, key });
    let first = bare("evt-1", &["Instagram"]);
    let other = with(
        bare("evt-1", &["Instagram", "NaverBlog"]),
        "content",
        json!({"title": "다른 가게"}),
    );

    // The same event and the same Idempotency-Key, with other bodies.
    let of_a = a.post(DISTRIBUTE, "order-1", &first).await;
    of_a.success(200);
    let before = a.seen().await;
    for path in ["/api/distributions", "/api/events"] {
        let page = b.get(path).await.success(200);
        assert!(
            page["distributions"]
                .as_array()
                .or(page["events"].as_array())
                .unwrap()
                .is_empty(),
            "{page}"
        );
    }
    b.get("/api/distribution/evt-1/status")
        .await
        .problem(404, "event_not_found");
    let preview = b
        .post("/api/distribution/preview", "order-1", &first)
        .await
        .success(200);
    assert!(
        preview["replayOf"].is_null() && preview["wouldBeAccepted"] == true,
        "{preview}"
    );
    let of_b = b.post(DISTRIBUTE, "order-1", &other).await;
    of_b.success(200);
    assert_eq!(of_b.header("idempotent-replayed"), "");
    assert_ne!(id_of(&of_a), id_of(&of_b));
    // The very same body is each one's own, too.
    let again = b
        .post(DISTRIBUTE, "order-2", &with(first.clone(), "eventId", json!("evt-2")))
        .await;
    let same = a
        .post(DISTRIBUTE, "order-2", &with(first.clone(), "eventId", json!("evt-2")))
        .await;
    assert_ne!(id_of(&again), id_of(&same));
    assert_eq!(
        a.post(DISTRIBUTE, "order-1", &first)
            .await
            .header("idempotent-replayed"),
        "true"
    );

    // What A saw, A sees, and what it did since; nothing of B's.
    let after = a.seen().await;
    assert_eq!(after[0].as_array().unwrap().len(), 2);
    assert_eq!(after[1].as_array().unwrap().len(), 2);
    assert_eq!(after[2], before[2], "the cache keeps them apart");
    for (tenant, own, strange) in [(&a, &of_a, &of_b), (&b, &of_b, &of_a)] {
        let seen = tenant.seen().await.to_string();
        assert!(seen.contains(&id_of(own)) && !seen.contains(&id_of(strange)), "{seen}");
        for rest in ["", "/attempts", "/history", "/events"] {
            let path = format!("/api/distributions/{}{rest}", id_of(strange));
            tenant.get(&path).await.problem(404, "distribution_not_found");
        }
    }
    let stream = a.get(&format!("/api/distributions/{}/events", id_of(&of_a))).await;
    assert!(String::from_utf8_lossy(&stream.body).contains(&id_of(&of_a)));
    service.stop().await;
}

#[tokio::test]
async fn a_cursor_leads_no_other_tenant_anywhere() {
    let service = Service::start_as(|config| config.auth.required = AuthRequired::Always).await;
    let (a, b) = (
        service.key("a", &[Scope::Admin]).await,
        service.key("b", &[Scope::Admin]).await,
    );
    let [a, b] = [a, b].map(|key| Tenant { service: &service, key });
    for number in 0..2 {
        let body = bare(&format!("evt-{number}"), &["Instagram"]);
        a.post(DISTRIBUTE, &format!("order-{number}"), &body).await.success(200);
    }
    let page = a.get("/api/distributions?limit=1").await.success(200);
    let next = page["next"].as_str().unwrap();
    a.get(&format!("/api/distributions?limit=1&cursor={next}"))
        .await
        .success(200);
    let path = format!("/api/distributions?limit=1&cursor={next}");
    b.get(&path).await.problem(400, "bad_cursor");
    service.stop().await;
}
