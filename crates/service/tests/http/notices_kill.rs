//! Notices of a service that is killed: none is lost, and one that is sent again is
//! the same message.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::notices::{SECRET, request, verify};
use crate::receiver::{Got, Mood, Receiver};
use crate::support::{DISTRIBUTE, ask_elsewhere};

/// The program, until it is killed.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL: that is what this test is about.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

async fn program(address: SocketAddr, data: &Path, receiver: &Receiver) -> Program {
    let notices = format!(
        "[{{name = \"ops\", kind = \"webhook\", url = \"{}\", secret = \"{SECRET}\", allow_inside = true}}]",
        receiver.url()
    );
    let child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("serve")
        .env("FANFARE_LISTEN", address.to_string())
        .env("FANFARE_DATA_DIR", data)
        .env("FANFARE_LOG", "error")
        .env("FANFARE_NOTICES", notices)
        .env("FANFARE_ENGINE__MAX_ATTEMPTS", "1")
        .env("FANFARE_CHANNELS__INSTAGRAM__MODE", "live")
        .env("FANFARE_CHANNELS__INSTAGRAM__PROTOCOL", "gateway")
        .env("FANFARE_CHANNELS__INSTAGRAM__BASE_URL", "http://127.0.0.1:9")
        .env("FANFARE_CHANNELS__INSTAGRAM__ACCESS_TOKEN", "canary-token")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let program = Program(child);
    for _ in 0..2_000 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return program;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the service did not become ready");
}

/// What a killed service had told without hearing an answer is told again, as the
/// same message; what it had told, and what it had not begun to tell, once.
#[tokio::test]
async fn a_kill_loses_no_notice_and_repeats_one_only_under_its_id() {
    let receiver = Receiver::start().await;
    let data = tempfile::TempDir::new().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let distribute = async |event: &str| {
        let url = format!("http://{address}{DISTRIBUTE}");
        let answer = ask_elsewhere("POST", &url, request(event).to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let service = program(address, data.path(), &receiver).await;
    distribute("evt-1").await;
    let told = receiver.wait_for(1).await.remove(0);
    distribute("evt-2").await;
    receiver.wait_for(2).await;
    receiver.be(Mood::Silent);
    distribute("evt-3").await;
    let unheard = receiver.wait_for(3).await.remove(2);
    // This one waits behind it, and was committed with its outcome.
    distribute("evt-4").await;
    drop(service);
    receiver.be(Mood::Well);
    let service = program(address, data.path(), &receiver).await;
    let all = receiver.wait_for(5).await;
    all.iter().for_each(verify);
    assert_eq!(all[3].id(), unheard.id(), "the same message");
    assert_eq!(all[3].body, unheard.body);
    assert_eq!(all[4].json()["data"]["eventId"], "evt-4");
    distribute("evt-5").await;
    let all = receiver.wait_for(6).await;
    assert_eq!(all.len(), 6, "nothing else came");
    assert_eq!(all.iter().filter(|got| got.id() == told.id()).count(), 1);
    let ids: BTreeSet<_> = all.iter().map(Got::id).collect();
    assert_eq!(ids.len(), 5);
    drop(service);
}
