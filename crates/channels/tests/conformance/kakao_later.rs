//! Kakao's results that come after the attempt: of long lists, in part, or of nobody.

use fanfare_core::attempt::Observation;
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::Checkpoint;
use fanfare_core::recipients::RecipientCounts;
use serde_json::json;

use crate::KAKAO_CHANNEL;
use crate::kakao::{MANY, client, friend};
use crate::later::{look, taken};
use crate::simulated::{Simulated, Subject};

fn counts(checkpoint: Option<&Checkpoint>) -> (u32, u32, u32) {
    let counts: RecipientCounts = checkpoint.and_then(Checkpoint::recipients).unwrap();
    (counts.sent, counts.delivered, counts.failed)
}

/// Three requests, and the results of the second one are slow.
#[tokio::test]
async fn a_slow_request_does_not_hide_the_others_and_is_counted_once_when_it_is_known() {
    let simulated = Simulated::start(MANY).await;
    let slow = json!([{"step": "send", "after": 1, "times": 1, "fault": {"kind": "slow-results", "seconds": 3_600}}]);
    simulated.goes_wrong(&slow).await;
    let mut call = taken(&simulated).await;
    assert_eq!(call.delivery.channel_state(), Some(ChannelState::Accepted));
    assert_eq!(
        counts(call.delivery.checkpoint.as_ref()),
        (23, 10, 0),
        "the first one's"
    );
    for round in 0..2 {
        let Observation::Stands { receipt, checkpoint } = look(&simulated, &mut call).await else {
            panic!("it is there")
        };
        assert_eq!(receipt.state, ChannelState::Accepted);
        assert_eq!(
            counts(checkpoint.as_ref()),
            (23, 13, 0),
            "round {round}: the third one's, too"
        );
        call.delivery.checkpoint = checkpoint;
    }
    simulated.advance(std::time::Duration::from_hours(1));
    let Observation::Stands { receipt, checkpoint } = look(&simulated, &mut call).await else {
        panic!("it is there")
    };
    assert_eq!(receipt.state, ChannelState::Delivered);
    assert_eq!(counts(checkpoint.as_ref()), (23, 23, 0));
    assert_eq!(
        Some(receipt.fields),
        call.delivery.receipt.map(|receipt| receipt.fields)
    );
}

/// 3005 of one: it may arrive for three days. Who has it is counted meanwhile.
#[tokio::test]
async fn who_has_it_is_counted_while_somebody_is_out_of_reach() {
    const UNCONFIRMED: Subject = Subject {
        client: |api, pictures| client(api, pictures, vec![friend("01000000005"), friend("01000000007")]),
        ..KAKAO_CHANNEL
    };
    let simulated = Simulated::start(UNCONFIRMED).await;
    let mut call = taken(&simulated).await;
    let Observation::Stands { receipt, checkpoint } = look(&simulated, &mut call).await else {
        panic!("it is there")
    };
    assert_eq!(receipt.state, ChannelState::Accepted);
    assert_eq!(counts(checkpoint.as_ref()), (2, 1, 0));
}

/// It was a success while nobody knew: it has reached nobody.
#[tokio::test]
async fn what_has_reached_nobody_in_the_end_is_declined_with_its_counts() {
    const UNREACHED: Subject = Subject {
        client: |api, pictures| client(api, pictures, vec![friend("01000000001"), friend("01000010001")]),
        ..KAKAO_CHANNEL
    };
    let simulated = Simulated::start(UNREACHED).await;
    let slow = json!([{"step": "send", "fault": {"kind": "slow-results", "seconds": 3_600}}]);
    simulated.goes_wrong(&slow).await;
    let mut call = taken(&simulated).await;
    simulated.advance(std::time::Duration::from_hours(1));
    let Observation::Declined { failure, checkpoint } = look(&simulated, &mut call).await else {
        panic!("nobody has it")
    };
    assert_eq!(failure.code, "no_recipient_reached");
    assert_eq!(counts(checkpoint.as_ref()), (2, 0, 2));
}

/// Nothing of a long list is lost, and nothing waits behind it.
#[tokio::test]
async fn a_request_that_can_t_be_read_is_passed_over_and_read_in_the_next_round() {
    let simulated = Simulated::start(MANY).await;
    let slow = json!([{"step": "send", "fault": {"kind": "slow-results", "seconds": 3_600}}]);
    simulated.goes_wrong(&slow).await;
    let mut call = taken(&simulated).await;
    assert_eq!(counts(call.delivery.checkpoint.as_ref()), (23, 0, 0));
    simulated.advance(std::time::Duration::from_hours(1));
    let second = json!([{"step": "lookup", "after": 1, "times": 1, "fault": {"kind": "answer", "status": 500}}]);
    simulated.goes_wrong(&second).await;
    let Observation::Unknown { checkpoint, .. } = look(&simulated, &mut call).await else {
        panic!("the second one can't be read")
    };
    assert_eq!(counts(checkpoint.as_ref()), (23, 10, 0), "the first one's are kept");
    call.delivery.checkpoint = checkpoint;
    let Observation::Stands { receipt, checkpoint } = look(&simulated, &mut call).await else {
        panic!("the third one can be read")
    };
    assert_eq!(
        (receipt.state, counts(checkpoint.as_ref())),
        (ChannelState::Accepted, (23, 13, 0))
    );
    call.delivery.checkpoint = checkpoint;
    let Observation::Stands { receipt, checkpoint } = look(&simulated, &mut call).await else {
        panic!("the second one can be read by now")
    };
    assert_eq!(
        (receipt.state, counts(checkpoint.as_ref())),
        (ChannelState::Delivered, (23, 23, 0))
    );
}

/// A page that lacks what was on it before takes nothing back.
#[tokio::test]
async fn a_page_that_is_empty_takes_nothing_back() {
    const UNCONFIRMED: Subject = Subject {
        client: |api, pictures| client(api, pictures, vec![friend("01000000005"), friend("01000000007")]),
        ..KAKAO_CHANNEL
    };
    let simulated = Simulated::start(UNCONFIRMED).await;
    let mut call = taken(&simulated).await;
    let Observation::Stands { checkpoint, .. } = look(&simulated, &mut call).await else {
        panic!("it is there")
    };
    call.delivery.checkpoint = checkpoint;
    let nothing = json!({"header": {"isSuccessful": true, "resultCode": 0, "resultMessage": "success"},
        "messageSearchResultResponse": {"messages": [], "totalCount": 0}});
    let empty = json!([{"step": "lookup", "fault": {"kind": "answer", "status": 200, "body": nothing}}]);
    simulated.goes_wrong(&empty).await;
    let Observation::Stands { receipt, checkpoint } = look(&simulated, &mut call).await else {
        panic!("it stands as it was")
    };
    assert_eq!(
        (receipt.state, counts(checkpoint.as_ref())),
        (ChannelState::Accepted, (2, 1, 0))
    );
}
