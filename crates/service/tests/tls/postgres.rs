//! `PostgreSQL` that takes nobody without TLS.

use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::certificates::Certificates;
use crate::servers::postgres::Postgres;
use crate::support::{DISTRIBUTE, PATIENCE, ask_elsewhere};

/// A server with TLS, and who signed its certificate.
fn server() -> (Postgres, Certificates) {
    let certificates = Certificates::new();
    let postgres = Postgres::made()
        .with("ssl=on")
        .with("listen_addresses=127.0.0.1,127.0.0.2");
    postgres.put("server.crt", &certificates.server);
    postgres.put("server.key", &certificates.key);
    postgres.put(
        "pg_hba.conf",
        "local all all trust\nhostssl all all 127.0.0.0/8 trust\n",
    );
    postgres.begin();
    (postgres, certificates)
}

fn service(database_url: &str, data: &TempDir) -> Command {
    let mut service = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    service
        .arg("serve")
        .env_clear()
        .env("FANFARE_DATABASE_URL", database_url)
        .env("FANFARE_DATA_DIR", data.path())
        .env("FANFARE_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    service
}

/// Where it is, once it is ready.
async fn ready(service: &mut Child) -> String {
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let reading = tokio::time::timeout(PATIENCE, lines.next_line());
    let line = reading.await.expect("it does not become ready").unwrap();
    line.unwrap().strip_prefix("fanfare is ready on ").unwrap().to_owned()
}

/// The one line that it ends with.
async fn refusal(database_url: &str) -> String {
    let data = TempDir::new().unwrap();
    let ending = service(database_url, &data).output();
    let ended = tokio::time::timeout(PATIENCE, ending).await;
    let Output { status, stderr, .. } = ended.expect("it goes on").unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{said}");
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains("FANFARE_DATABASE_URL"))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    lines[0].to_owned()
}

#[tokio::test]
async fn with_the_right_authority_it_distributes_and_with_less_where_less_is_asked_for() {
    let (postgres, certificates) = server();
    let data = TempDir::new().unwrap();
    let authority = certificates.authority_in(data.path(), "authority.pem");
    let ways = [
        format!("sslmode=verify-full&sslrootcert={}", authority.display()),
        "sslmode=require".to_owned(),
        "sslmode=prefer".to_owned(),
    ];
    for (number, way) in ways.iter().enumerate() {
        let mut service = service(&format!("{}?{way}", postgres.url()), &data).spawn().unwrap();
        let address = ready(&mut service).await;
        // The server takes nothing else, so this went by TLS.
        let body = format!(
            r#"{{"eventId":"evt-{number}","channels":["Instagram"],
                "contentUrls":{{"imageUrl":"https://cdn.example.com/a.jpg"}}}}"#
        );
        let answer = ask_elsewhere("POST", &format!("{address}{DISTRIBUTE}"), body.as_bytes()).await;
        assert_eq!(
            (answer.status, &answer.json()["status"]),
            (200, &"COMPLETED".into()),
            "{way}"
        );
        service.kill().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_wrong_with_its_tls_is_one_line_that_names_the_setting() {
    let (postgres, _) = server();
    let data = TempDir::new().unwrap();
    let stranger = Certificates::new().authority_in(data.path(), "stranger.pem");
    let believed = format!("sslmode=verify-full&sslrootcert={}", stranger.display());
    let wrong = refusal(&format!("{}?{believed}", postgres.url())).await;
    assert!(wrong.contains("certificate"), "{wrong}");
    let without = refusal(&format!("{}?sslmode=disable", postgres.url())).await;
    assert!(
        without.contains("no encryption"),
        "in PostgreSQL's own words: {without}"
    );
    let absent = refusal(&format!(
        "{}?sslmode=verify-full&sslrootcert=/nowhere.pem",
        postgres.url()
    ))
    .await;
    assert!(absent.contains("/nowhere.pem"), "{absent}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_believed() {
    let (postgres, certificates) = server();
    let data = TempDir::new().unwrap();
    let authority = certificates.authority_in(data.path(), "authority.pem");
    let other = postgres.url().replace("127.0.0.1", "127.0.0.2");
    let other = refusal(&format!(
        "{other}?sslmode=verify-full&sslrootcert={}",
        authority.display()
    ))
    .await;
    assert!(other.contains("not valid for name"), "{other}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let postgres = Postgres::start();
    let plain = refusal(&format!("{}?sslmode=require", postgres.url())).await;
    assert!(plain.contains("TLS"), "{plain}");
}
