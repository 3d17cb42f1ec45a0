//! The film that television is to show, looked at before it is handed on as an address:
//! one rule for 우리동네TV and 지니TV (`fanfare_core::film`). A picture or a sound that is
//! shown in its place is handed on unseen.

use fanfare_core::attempt::StepOutcome;
use fanfare_core::delivery::Phase;
use fanfare_core::engine::Call;
use fanfare_core::film::FilmRule;

use super::MediaClient;

/// Looks at films for television, or lets all of them through.
#[derive(Debug, Clone)]
pub struct Spots(Option<MediaClient>);

impl Spots {
    /// Looked at by this client; by nobody where the operator says that this service
    /// can't reach them.
    pub fn new(media: Option<MediaClient>) -> Self {
        Self(media)
    }

    /// Looks at the film of the request; not where a first call may have had its effect,
    /// whatever has become of the film since.
    ///
    /// # Errors
    /// What the step comes to that would have handed it on.
    pub(crate) async fn check(&self, call: &Call) -> Result<(), StepOutcome> {
        let film = call.request.request.content_urls.video_url.as_deref();
        let (Some(media), Some(film)) = (&self.0, film) else {
            return Ok(());
        };
        if call.delivery.phase == Phase::Unknown {
            return Ok(());
        }
        let checked = media.check_film(film, &FilmRule::TELEVISION).await;
        checked.map_err(|error| {
            let (failure, retry) = error.refusal();
            StepOutcome::Rejected {
                failure,
                retry,
                checkpoint: None,
            }
        })
    }
}
