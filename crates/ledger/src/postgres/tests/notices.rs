//! What is read of notices, where there are many.

use super::super::{PostgresStore, notice_endpoints, notices};
use super::{client, drop_schema, plan, settings, with_values};

/// As after weeks of a busy endpoint, most of it told.
const FILL: &str =
    "INSERT INTO notice_endpoints (name, fingerprint, health) VALUES ('ops', '1', '{}'), ('cafe', '1', '{}');
    INSERT INTO notices (endpoint, id, made_at, due_at, body)
    SELECT CASE WHEN n % 100 = 0 THEN 'cafe' ELSE 'ops' END, gen_random_uuid(), now() - n * interval '1 second',
        CASE WHEN n < 20 THEN now() END, '{}'
    FROM generate_series(1, 200000) AS n;
    ANALYZE";

/// By the planner's own choice, with statistics.
#[tokio::test]
async fn nothing_reads_all_that_was_ever_told() {
    let settings = settings();
    let client = client(&settings).await;
    PostgresStore::connect(&settings).await.unwrap();
    client.batch_execute(FILL).await.unwrap();
    let long_ago = "now() - interval '2 days'";
    for sql in [
        with_values(notices::DUE, &["'ops'", "now()", "50"]),
        with_values(notices::FORGET, &[long_ago, "1000"]),
        with_values(notice_endpoints::FORGET_OF, &["'ops'", "1000"]),
        with_values(notice_endpoints::FORGET_OF, &["'cafe'", "1000"]),
        with_values(notice_endpoints::MAKE_DUE, &["'{ops}'", "now()"]),
        with_values(notice_endpoints::LOOK, &["'ops'", "now()"]),
        notice_endpoints::ENDPOINTS.to_owned(),
    ] {
        let plan = plan(&client, &sql).await;
        assert!(!plan.contains("Seq Scan on notices"), "{sql}\n{plan}");
    }
    drop_schema(&client, &settings).await;
}
