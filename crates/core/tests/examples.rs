//! The example requests pass every check, as they are.

use fanfare_core::channel::{Channel, Mode};
use fanfare_core::validate::{AdmitSettings, faults};

#[test]
fn the_examples_have_no_fault() {
    let settings = AdmitSettings {
        modes: [Mode::Mock; Channel::ALL.len()],
        ..AdmitSettings::default()
    };
    let now = "2026-11-22T09:00:00Z".parse().unwrap();
    for (name, body) in [
        ("spring-coffee", include_str!("../../../examples/spring-coffee.json")),
        ("bakery", include_str!("../../../examples/bakery.json")),
        ("flower-shop", include_str!("../../../examples/flower-shop.json")),
    ] {
        let (request, faults) = faults(&serde_json::from_str(body).unwrap(), &settings, now);
        assert!(request.is_some() && faults.is_empty(), "{name}: {faults:#?}");
    }
}
