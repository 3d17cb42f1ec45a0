//! `fanfare channels check`, against the simulator: each of the six with good and
//! with bad credentials, and what is in the way of an answer.

use std::path::Path;

use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use super::partners::simulator;
use super::program::{Ended, closed_port, fanfare_with};

/// Each channel, and its table beside where it is and as whom.
const TABLES: [(&str, &str, &str, &str); 6] = [
    ("WooridongneTV", "wooridongne_tv", "wooridongne-tv", ""),
    (
        "RingoBiz",
        "ringo_biz",
        "ringo-biz",
        "verified_numbers = { default = [\"02-555-0134\"] }",
    ),
    (
        "GenieTV",
        "genie_tv",
        "genie-tv",
        "account_id = \"acc-1\"\nproduct_id = \"prime\"",
    ),
    (
        "Instagram",
        "instagram",
        "instagram",
        "account_id = \"17841400000000000\"",
    ),
    (
        "NaverBlog",
        "naver_blog",
        "naver-blog/xmlrpc",
        "protocol = \"metaweblog\"\naccount_id = \"shop\"",
    ),
    (
        "KakaoChannel",
        "kakao_channel",
        "kakao-channel",
        "app_key = \"app\"\nsender_key = \"sender\"\nsender_name = \"봄 빵집\"\nunsubscribe_number = \"080-555-0100\"",
    ),
];

/// Every channel live at this address with this token.
fn configured(folder: &Path, base_url: &str, token: &str) -> String {
    let channel = |(_, table, prefix, more): &(&str, &str, &str, &str)| {
        format!(
            "[channels.{table}]\nmode = \"live\"\nbase_url = \"{base_url}/{prefix}\"\naccess_token = \"{token}\"\n{more}\n"
        )
    };
    let tables: String = TABLES.iter().map(channel).collect();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let path = folder.join("fanfare.toml");
    let data = folder.join("data");
    let data = data.display();
    let head = format!("recipients_key = \"{key}\"\ndata_dir = \"{data}\"\n[calls]\ndeadline_ms = 2000\n");
    std::fs::write(&path, format!("{head}{tables}")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn check(config: &str, more: &[&str]) -> Ended {
    let arguments = [&["channels", "check", "--config", config], more].concat();
    let ended = fanfare_with(&arguments, &[], "");
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!shown.contains("canary"), "I16: {shown}");
    ended
}

/// What `--json` says of each channel, in the contract's order.
fn checked(config: &str, code: i32) -> Vec<Value> {
    let Ended {
        code: seen,
        stdout,
        stderr,
    } = check(config, &["--json"]);
    assert_eq!(seen, code, "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let channels = report["channels"].as_array().unwrap().clone();
    let bad = channels.iter().filter(|channel| channel["good"] == json!(false));
    assert_eq!(report["bad"], json!(bad.count()));
    channels
}

fn posted(simulator: &RunningSimulator) -> usize {
    simulator.effects().len()
}

#[test]
fn good_credentials_are_accepted_by_all_six_and_nothing_is_posted() {
    let (simulator, _runtime) = simulator("");
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), simulator.base_url(), "canary-token");
    let channels = checked(&config, 0);
    let names: Vec<_> = channels
        .iter()
        .map(|channel| channel["channel"].as_str().unwrap())
        .collect();
    assert_eq!(names, TABLES.map(|(name, ..)| name));
    for channel in &channels {
        assert_eq!(
            (
                &channel["mode"],
                &channel["outcome"],
                &channel["reached"],
                &channel["tls"]
            ),
            (&json!("live"), &json!("accepted"), &json!(true), &json!("plain")),
            "{channel:#}"
        );
        assert_eq!(channel["address"], json!(simulator.base_url()));
    }
    let instagram = &channels[3];
    assert_eq!(
        instagram["account"],
        json!({"id": "17841400000000000", "name": "spring_bakery"})
    );
    assert_eq!(
        instagram["quota"],
        json!({"used": 0, "total": 100, "left": 100, "periodSeconds": 86_400})
    );
    assert!(
        instagram["tokenExpiresAt"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    assert_eq!(posted(&simulator), 0);

    let Ended { code, stdout, .. } = check(&config, &["Instagram"]);
    assert_eq!(code, 0, "{stdout}");
    for words in [
        "인스타그램",
        "accepted",
        "spring_bakery",
        "posted 0 of 100 in 24 hours",
        "the token lapses at",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    assert!(!stdout.contains("KakaoChannel"), "only what was named: {stdout}");
}

#[test]
fn bad_credentials_are_told_in_the_channel_s_words_with_who_must_act() {
    let (simulator, _runtime) = simulator("");
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), simulator.base_url(), "canary-that-expired");
    for channel in checked(&config, 4) {
        let failure = &channel["failure"];
        assert_eq!(
            (&channel["outcome"], &channel["reached"]),
            (&json!("refused"), &json!(true)),
            "{channel:#}"
        );
        assert_eq!(
            (&failure["code"], &failure["actor"]),
            (&json!("auth_expired"), &json!("owner"))
        );
        for language in ["en", "ko"] {
            assert!(!failure["message"][language].as_str().unwrap().is_empty());
        }
        assert!(!failure["channelSaid"].as_str().unwrap().is_empty(), "{channel:#}");
    }
    assert_eq!(posted(&simulator), 0);
    let Ended { code, stdout, .. } = check(&config, &[]);
    assert_eq!(code, 4);
    for words in [
        "refused",
        "the channel said: 190",
        "fault 403",
        "who must act: the owner",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn what_is_in_the_way_of_an_answer_is_told_apart() {
    let (simulator, _runtime) = simulator("");
    let folder = tempfile::tempdir().unwrap();
    let (nobody, _held) = closed_port();
    for channel in checked(&configured(folder.path(), &nobody, "canary-token"), 4) {
        assert_eq!(
            (&channel["outcome"], &channel["reached"]),
            (&json!("unreachable"), &json!(false))
        );
        assert!(
            channel["failure"]["message"]["en"]
                .as_str()
                .unwrap()
                .contains("base_url")
        );
    }
    // It speaks no TLS.
    let over_tls = simulator.base_url().replace("http://", "https://");
    for channel in checked(&configured(folder.path(), &over_tls, "canary-token"), 4) {
        assert_eq!(
            (&channel["outcome"], &channel["tls"]),
            (&json!("unreachable"), &json!("refused"))
        );
        assert!(
            channel["failure"]["message"]["en"]
                .as_str()
                .unwrap()
                .contains("certificate")
        );
    }
    // Something else answers there.
    let elsewhere = format!("{}/nowhere", simulator.base_url());
    for channel in checked(&configured(folder.path(), &elsewhere, "canary-token"), 4) {
        assert_eq!(
            (&channel["outcome"], &channel["reached"]),
            (&json!("unclear"), &json!(true)),
            "{channel:#}"
        );
    }
}

#[test]
fn a_mock_is_called_one_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fanfare.toml");
    std::fs::write(&path, "").unwrap();
    let config = path.to_str().unwrap().to_owned();
    for channel in checked(&config, 0) {
        assert_eq!(
            (&channel["mode"], &channel["outcome"]),
            (&json!("mock"), &json!("mock"))
        );
    }
    let Ended { stdout, .. } = check(&config, &[]);
    assert_eq!(stdout.matches("nobody is called").count(), 6, "{stdout}");
    std::fs::write(&path, "[channels.instagram]\nmode = \"live\"\n").unwrap();
    let channels = checked(&config, 4);
    assert_eq!(channels[3]["outcome"], "not_configured");
    let why = channels[3]["failure"]["message"]["en"].as_str().unwrap();
    assert!(why.contains("channels.instagram.account_id"), "{why}");
    let Ended { code, stderr, .. } = check(&config, &["Insta"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean Instagram?"), "{stderr}");
}

/// One that hangs does not keep the others waiting, nor us.
#[test]
fn a_channel_has_only_so_much_time() {
    let (simulator, _runtime) =
        simulator("[[rules]]\nchannel = \"instagram\"\nfault = { kind = \"hang\", perform = false }\n");
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), simulator.base_url(), "canary-token");
    let Ended { code, stdout, .. } = check(&config, &["--json", "--timeout", "1"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["bad"]), (4, &json!(1)), "{stdout}");
    assert_eq!(report["channels"][3]["outcome"], "unreachable");
}

/// By hand nothing has to let us in.
#[test]
fn a_blog_by_hand_has_no_credentials() {
    let (simulator, _runtime) = simulator("");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fanfare.toml");
    let key = "0123456789abcdef0123456789abcdef";
    let base = simulator.base_url();
    let text =
        format!("hand_off.key = \"{key}\"\n[channels.naver_blog]\nmode = \"live\"\nbase_url = \"{base}/naver-blog\"\n");
    std::fs::write(&path, text).unwrap();
    let channels = checked(path.to_str().unwrap(), 0);
    assert_eq!(
        (&channels[4]["outcome"], &channels[4]["reached"]),
        (&json!("by_hand"), &json!(true))
    );
}
