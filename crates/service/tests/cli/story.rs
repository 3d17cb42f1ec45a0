//! The README's story of a channel that is out of order for ten minutes.

use serde_json::{Value, json};

use super::program::{Ended, fanfare};

#[test]
fn a_channel_dies_for_ten_minutes_and_nothing_is_lost_or_sent_twice() {
    let Ended { code, stdout, stderr } = fanfare(&["story", "--port", "0", "--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let told: Value = serde_json::from_str(&stdout).unwrap();
    let promises = told["promises"].as_array().unwrap();
    assert_eq!(promises.len(), 6);
    for promise in promises {
        assert_eq!(promise["kept"], json!(true), "{promise}");
    }
    assert_eq!(
        (
            &told["lost"],
            &told["repeated"],
            &told["leftToAPerson"],
            &told["events"]
        ),
        (&json!(0), &json!(0), &json!(0), &json!(25))
    );
}
