//! Tables of earlier schemas.

use tokio_postgres::Client;

use super::super::PostgresStore;
use super::super::migrate::{SCHEMA_VERSION, STEPS};
use super::{client, drop_schema, settings};

/// Every column of every table, with its type, whether it may be null, and its
/// default.
async fn columns(client: &Client, schema: &str) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable,
            replace(column_default, table_schema || '.', ''))
         FROM information_schema.columns WHERE table_schema = $1 ORDER BY 1";
    let rows = client.query(sql, &[&schema]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// An endpoint, held, with what it is to be told.
const ROWS: &str = "INSERT INTO notice_endpoints VALUES ('ops', '1', '{\"failures\": 3}', 7, now());
    INSERT INTO notices (endpoint, id, made_at, due_at, body) VALUES ('ops', gen_random_uuid(), now(), now(), '{}');
    INSERT INTO alarms VALUES ('relay', 1, now(), now())";

#[tokio::test]
async fn every_earlier_schema_comes_to_the_same_tables_and_keeps_its_rows() {
    let fresh = settings();
    let client_of_fresh = client(&fresh).await;
    PostgresStore::connect(&fresh).await.unwrap();
    let expected = columns(&client_of_fresh, &fresh.schema).await;
    for version in 1..SCHEMA_VERSION {
        let settings = settings();
        let client = client(&settings).await;
        let schema = &settings.schema;
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        for (step, sql) in STEPS {
            if step <= version {
                client.batch_execute(sql).await.unwrap();
            }
        }
        let note = "INSERT INTO meta (key, value) VALUES ('schema_version', $1)";
        client.execute(note, &[&version.to_string()]).await.unwrap();
        if version >= 4 {
            client.batch_execute(ROWS).await.unwrap();
        }
        PostgresStore::connect(&settings).await.unwrap();
        assert_eq!(columns(&client, schema).await, expected, "from schema {version}");
        let kept = "SELECT (SELECT count(*) FROM notice_endpoints WHERE health LIKE '%3%' AND held_by = 7
                AND named_at BETWEEN now() - interval '1 hour' AND now()),
            (SELECT count(*) FROM notices WHERE due_at IS NOT NULL), (SELECT count(*) FROM alarms)";
        let row = client.query_one(kept, &[]).await.unwrap();
        let kept: [i64; 3] = [0, 1, 2].map(|column| row.get(column));
        assert_eq!(kept, [i64::from(version >= 4); 3], "from schema {version}");
        drop_schema(&client, &settings).await;
    }
    drop_schema(&client_of_fresh, &fresh).await;
}
