//! Notices of a service that is killed: none is lost, and one that is sent again is
//! the same message.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use crate::notices::{SECRET, request, verify};
use crate::program::{Program, free_address};
use crate::receiver::{Got, Mood, Receiver};
use crate::support::{DISTRIBUTE, ask_elsewhere};

async fn program(address: SocketAddr, data: &Path, receiver: &Receiver) -> Program {
    let notices = format!(
        "[{{name = \"ops\", kind = \"webhook\", url = \"{}\", secret = \"{SECRET}\", allow_inside = true}}]",
        receiver.url()
    );
    let variables = [
        ("FANFARE_NOTICES", &*notices),
        ("FANFARE_ENGINE__MAX_ATTEMPTS", "1"),
        ("FANFARE_CHANNELS__INSTAGRAM__MODE", "live"),
        ("FANFARE_CHANNELS__INSTAGRAM__PROTOCOL", "gateway"),
        ("FANFARE_CHANNELS__INSTAGRAM__BASE_URL", "http://127.0.0.1:9"),
        ("FANFARE_CHANNELS__INSTAGRAM__ACCESS_TOKEN", "canary-token"),
    ];
    Program::start(address, data, &variables).await
}

/// What a killed service had told without hearing an answer is told again, as the
/// same message; what it had told, and what it had not begun to tell, once.
#[tokio::test]
async fn a_kill_loses_no_notice_and_repeats_one_only_under_its_id() {
    let receiver = Receiver::start().await;
    let data = tempfile::TempDir::new().unwrap();
    let address = free_address();
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
