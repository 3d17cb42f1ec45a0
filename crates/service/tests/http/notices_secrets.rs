//! A webhook whose secret is being replaced.

use fanfare_channels::secret::Secret;
use standardwebhooks::Webhook;

use crate::notices::{SECRET, failing, request, webhook};
use crate::receiver::Receiver;
use crate::support::Service;

/// A receiver that has changed to the new secret, and one that has not, both believe it.
#[tokio::test]
async fn while_a_secret_is_replaced_either_verifies() {
    const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let ops = Receiver::start().await;
    let service = Service::start_as(|config| {
        failing(config);
        let mut both = webhook("ops", &ops);
        both.secret.push(Secret::new(NEW));
        config.notices = vec![both];
    })
    .await;
    service.distribute(&request("evt-1")).await.success(200);
    let told = ops.wait_for(1).await;
    for secret in [SECRET, NEW] {
        let verified = Webhook::new(secret).unwrap().verify(&told[0].body, &told[0].headers);
        verified.unwrap();
    }
    let other = format!("whsec_{}", "A".repeat(32));
    let other = Webhook::new(&other).unwrap().verify(&told[0].body, &told[0].headers);
    other.unwrap_err();
    service.stop().await;
}
