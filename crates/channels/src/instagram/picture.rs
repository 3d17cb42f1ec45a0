//! Which address Meta is given for the picture: the user's own where the picture is
//! as Meta wants it, else one of ours, at which it lies as it was made to fit.

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::text::Text;
use fanfare_core::validate::instagram::PICTURE;
use jiff::Timestamp;

use super::InstagramClient;
use crate::media::given;

/// What Meta is to fetch.
pub(super) struct Fetchable {
    pub(super) url: String,
    /// Of the file that was looked at, or made.
    pub(super) sha256: String,
    /// Of the user's own file, where Meta is given what was made of it. What Meta fetches
    /// itself, a moment later, is Meta's to know.
    pub(super) source: Option<String>,
}

impl Fetchable {
    /// Notes, where a step has led on, which file Meta is given, as far as that is known.
    pub(super) fn noted(&self, outcome: StepOutcome, url: &str) -> StepOutcome {
        match &self.source {
            Some(source) => given(outcome, url, source),
            None => outcome,
        }
    }
}

impl InstagramClient {
    pub(super) async fn picture(
        &self,
        call: &Call,
        image: &str,
        now: Timestamp,
    ) -> Result<Fetchable, (Failure, Retry)> {
        let looked_at = self.media.picture(image, &PICTURE, self.settings.image_fit).await;
        let picture = looked_at.map_err(|error| error.refusal())?;
        let compared = self.media.compare(call, image, &picture.source).await;
        compared.map_err(|error| error.refusal())?;
        let url = if picture.is_original {
            image.to_owned()
        } else {
            let links = self.links.as_ref().map_err(|why| (why.clone(), Retry::Never))?;
            links.publish(&picture, now).await.map_err(|error| {
                let why = cause::CHANNEL_NOT_CONFIGURED.because(not_kept());
                (why.said(&error.to_string()), Retry::Backoff)
            })?
        };
        Ok(Fetchable {
            url,
            sha256: picture.sha256,
            source: (!picture.is_original).then_some(picture.source),
        })
    }
}

fn not_kept() -> Text {
    Text::new(
        "The picture was made to fit Instagram and could not be written to the folder of media. Have the operator \
         look at media.dir and its disk.",
        "이미지를 Instagram 규격에 맞췄지만 미디어 폴더에 저장하지 못했습니다. 운영자에게 media.dir와 디스크 확인을 요청해 주세요.",
    )
}
