//! A notice as a signed message, as Standard Webhooks 1.0.0 says: three headers,
//! and HMAC-SHA256 over id, time and body.

use std::fmt;

use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fanfare_core::notice::Notice;
use jiff::Timestamp;
use ring::hmac;

use super::payload::Payload;

/// Begins every secret.
const PREFIX: &str = "whsec_";

/// So many bytes a secret has, as the specification recommends.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What messages are signed with.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SigningKey {
    /// `whsec_` and 24 to 64 bytes in base64; `None` for anything else.
    pub fn read(secret: &str) -> Option<Self> {
        let bytes = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
        SECRET_BYTES
            .contains(&bytes.len())
            .then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// One of what `webhook-signature` holds.
    fn signature(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The request that tells it. Its id is the notice's, however often it is sent;
/// its time is that of the sending. It is signed with each key, so that a receiver may
/// know either.
pub(super) fn request(
    keys: &[SigningKey],
    url: &str,
    notice: &Notice,
    payload: &Payload,
    now: Timestamp,
) -> Result<Request<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let body = serde_json::to_vec(payload)?;
    let (id, seconds) = (notice.id.to_string(), now.as_second());
    let signatures: Vec<_> = keys.iter().map(|key| key.signature(&id, seconds, &body)).collect();
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signatures.join(" "))
        .header("webhook-id", id)
        .body(Bytes::from(body))?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own reference implementations.
    #[test]
    fn it_signs_as_the_specification_s_example_does() {
        let key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_its_form_and_is_not_shown() {
        for bad in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!",
        ] {
            assert!(SigningKey::read(bad).is_none(), "{bad}");
        }
        let key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{key:?}"), "Some(***)");
    }
}
