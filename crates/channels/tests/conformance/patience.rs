//! How long a hung channel is waited for: less than the deadline where a call only
//! polls, the whole of it where one may have an effect, or finds out whether one came
//! to be.

use std::time::Duration;

use fanfare_channels::api::Api;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::secret::Secret;
use fanfare_core::attempt::{LookUpOutcome, StepOutcome};
use fanfare_core::delivery::Phase;
use serde_json::json;
use tokio::time::Instant;

use crate::WOORIDONGNE_TV;
use crate::simulated::Simulated;

/// Far longer than a test that fails should take.
const DEADLINE: Duration = Duration::from_secs(30);
const LEAST: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_channel_that_was_quick_is_given_up_early_by_what_only_polls() {
    let simulated = Simulated::start(WOORIDONGNE_TV).await;
    let http = HttpClient::new(&HttpSettings {
        deadline: DEADLINE,
        adaptive_timeout_min: LEAST,
        ..HttpSettings::default()
    });
    let base = format!("{}/wooridongne-tv", simulated.base_url()).parse().unwrap();
    let films = simulated.base_url().trim_start_matches("http://");
    let client = (WOORIDONGNE_TV.client)(Api::new(http.unwrap(), base, Secret::new("token")), films);
    let now = simulated.now();
    let call = simulated.call(1, "default", now);
    for _ in 0..20 {
        let absent = client.look_up(&call, now).await;
        assert!(matches!(absent, LookUpOutcome::Absent { .. }), "{absent:?}");
    }

    simulated
        .goes_wrong(&json!([{"step": "lookup", "fault": {"kind": "hang"}}]))
        .await;
    let began = Instant::now();
    let LookUpOutcome::Unknown(why) = client.look_up(&call, now).await else {
        panic!("nothing was heard");
    };
    assert!(began.elapsed() < DEADLINE / 2, "{:?}", began.elapsed());
    let said = why.channel_said.unwrap_or_default();
    assert!(
        said.starts_with("no whole answer came in time: ") && said.ends_with(" ms were allowed"),
        "{said}"
    );

    // An effect is waited for, though its channel has been quick and then silent.
    let late = 10 * LEAST;
    simulated
        .goes_wrong(&json!([{"step": "create", "fault": {"kind": "delay", "millis": late.as_millis()}}]))
        .await;
    let outcome = client.step(&call, now).await;
    assert!(matches!(outcome, StepOutcome::Confirmed(_)), "{outcome:?}");

    // So is what is in doubt.
    simulated
        .goes_wrong(&json!([{"step": "lookup", "fault": {"kind": "delay", "millis": late.as_millis()}}]))
        .await;
    let mut in_doubt = call;
    in_doubt.delivery.phase = Phase::Unknown;
    let found = client.look_up(&in_doubt, now).await;
    assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
}
