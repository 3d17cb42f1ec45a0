//! Why there is no picture that can be sent, in words for people, and what
//! follows for the delivery.

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::attempt::Retry;
use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::picture::{PictureKind, Size};
use fanfare_core::text::Text;

use super::{FETCH_MAX, FilmError, PIXELS_MAX};
use crate::http::{ExchangeError, words_of};

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is inside a network.
    #[error("the address is not allowed: {}", .0.en)]
    NotAllowed(Text),
    /// Its server could not be reached, or broke off.
    #[error("the file's server could not be reached")]
    Unreachable(#[source] ExchangeError),
    /// Its server is out of order, or busy.
    #[error("the file's server answered {0}")]
    Away(u16),
    /// Its server names another address, which nobody has looked at.
    #[error("the file's server answered {0}, and redirects are not followed")]
    Redirected(u16),
    /// Its server does not give it.
    #[error("the file's server answered {0}")]
    Refused(u16),
    /// Its file is too large.
    #[error("the file has more than {FETCH_MAX} bytes")]
    TooLarge,
    /// It would be too large in memory.
    #[error("the picture has {0} × {1} pixels; {PIXELS_MAX} are taken")]
    TooManyPixels(u64, u64),
    /// It is something else.
    #[error("what is there is no JPEG, PNG, GIF or WebP")]
    NoPicture,
    /// It is a drawing with code in it.
    #[error("what is there is an SVG")]
    Svg,
    /// Its server says that it is something else.
    #[error("its server calls it {declared}, and it is {is}")]
    Lying {
        /// As the server wrote it, at most its beginning.
        declared: String,
        /// By its bytes.
        is: &'static str,
    },
    /// It can't be read.
    #[error("the file can't be read: {0}")]
    Broken(String),
    /// It is no sound, or of another sort.
    #[error("what is there is no WAV or MP3")]
    NoSound,
    /// It lasts longer than the channel plays it.
    #[error("the sound lasts {} s; {most} are played", length.as_secs())]
    TooLong {
        /// How long it lasts.
        length: Duration,
        /// In seconds.
        most: u64,
    },
    /// It is not what lay there when the distribution was accepted, or what another channel
    /// of it was given.
    #[error("the file had the sha256 {was} when it was accepted or given to a channel, and now it has {is}")]
    Changed {
        /// In 64 hexadecimal digits.
        was: String,
        /// The same.
        is: String,
    },
    /// The channel does not take the film.
    #[error(transparent)]
    Film(#[from] FilmError),
    /// The channel takes another kind, size or shape, and it may not be, or can't be,
    /// made to fit.
    #[error("the picture does not fit the channel: {}", as_it_is(*kind, *size, *bytes))]
    DoesNotFit {
        /// Its kind.
        kind: PictureKind,
        /// Its size, where it was read.
        size: Option<Size>,
        /// Its file's size.
        bytes: usize,
    },
}

impl MediaError {
    /// What follows for a delivery that needs the picture.
    pub(crate) fn refusal(&self) -> (Failure, Retry) {
        let (cause, retry) = match self {
            Self::Unreachable(_) | Self::Away(_) => (&cause::MEDIA_UNAVAILABLE, Retry::Backoff),
            Self::NotAllowed(_) | Self::Redirected(_) => (&cause::URL_NOT_ALLOWED, Retry::Never),
            Self::Changed { .. } => (&cause::MEDIA_CHANGED, Retry::Never),
            _ => (&cause::MEDIA_REJECTED, Retry::Never),
        };
        (cause.because(self.text()).said(&self.words()), retry)
    }

    /// What happened and what to do.
    fn text(&self) -> Text {
        match self {
            Self::NotAllowed(text) => text.clone(),
            Self::Unreachable(_) | Self::Away(_) => cause::MEDIA_UNAVAILABLE.text(),
            Self::Redirected(status) => redirected(*status),
            Self::Refused(status) => refused(*status),
            Self::TooLarge => {
                let most = FETCH_MAX / 1_024 / 1_024;
                Text::new(
                    format!("The media file has more than {most} MB. Make it smaller, then distribute it anew."),
                    format!("미디어 파일이 {most}MB를 넘습니다. 크기를 줄인 뒤 다시 배포해 주세요."),
                )
            }
            Self::TooManyPixels(width, height) => too_many_pixels(*width, *height),
            Self::NoPicture => Text::new(
                "What is at the picture's address is no JPEG, PNG, GIF or WebP, whatever its name says. Correct the \
                 address, then distribute it anew.",
                "이미지 주소에 있는 파일이 JPEG, PNG, GIF, WebP가 아닙니다. 주소를 고친 뒤 다시 배포해 주세요.",
            ),
            Self::Svg => Text::new(
                "What is at the picture's address is an SVG drawing, and no channel takes one. Save it as JPEG or PNG, \
                 then distribute it anew.",
                "이미지 주소에 있는 파일은 SVG이며 어떤 채널도 받지 않습니다. JPEG나 PNG로 저장한 뒤 다시 배포해 주세요.",
            ),
            Self::Lying { declared, is } => lying(declared, is),
            Self::Broken(_) => Text::new(
                "The media file is broken, or of a rare sort that can't be read. Save it anew as an ordinary JPEG, PNG, \
                 WAV or MP3, then distribute it anew.",
                "미디어 파일이 손상되었거나 읽을 수 없는 형식입니다. 일반적인 JPEG, PNG, WAV, MP3로 다시 저장한 뒤 배포해 주세요.",
            ),
            Self::NoSound => Text::new(
                "What is at the sound's address is no WAV or MP3, whatever its name says. Correct the address, then \
                 distribute it anew.",
                "음원 주소에 있는 파일이 WAV나 MP3가 아닙니다. 주소를 고친 뒤 다시 배포해 주세요.",
            ),
            Self::TooLong { length, most } => {
                let length = length.as_secs();
                Text::new(
                    format!(
                        "The sound lasts {length} seconds, and at most {most} are played. Cut it, then distribute it anew."
                    ),
                    format!("음원 길이가 {length}초입니다. {most}초 이하로 줄인 뒤 다시 배포해 주세요."),
                )
            }
            Self::Changed { .. } => cause::MEDIA_CHANGED.text(),
            Self::Film(error) => error.text(),
            Self::DoesNotFit { kind, size, bytes } => {
                let is = as_it_is(*kind, *size, *bytes);
                Text::new(
                    format!(
                        "The channel does not take this picture ({is}), and it is not made to fit. Use one that the \
                         channel takes, or have the operator set image_fit, then distribute it anew."
                    ),
                    format!(
                        "채널이 이 이미지({is})를 받지 않으며 자동으로 맞출 수 없습니다. 채널 규격에 맞는 이미지를 쓰거나 운영자에게 image_fit \
                         설정을 요청한 뒤 다시 배포해 주세요."
                    ),
                )
            }
        }
    }

    /// What went wrong, down to its cause, for the person who decides.
    pub fn words(&self) -> String {
        words_of(self)
    }
}

fn redirected(status: u16) -> Text {
    Text::new(
        format!(
            "The media file's address leads on to another one (status {status}), and that is not followed. Use the \
             address at which the file lies, then distribute it anew."
        ),
        format!(
            "미디어 파일 주소가 다른 주소로 연결되며(상태 코드 {status}) 이를 따라가지 않습니다. 파일이 실제로 있는 주소를 사용해 다시 배포해 주세요."
        ),
    )
}

fn refused(status: u16) -> Text {
    Text::new(
        format!(
            "The media file's server does not give it to everybody (status {status}). Make it public, or correct \
                     its address, then distribute it anew."
        ),
        format!(
            "서버가 미디어 파일을 내주지 않습니다(상태 코드 {status}). 공개 상태로 바꾸거나 주소를 고친 뒤 다시 배포해 주세요."
        ),
    )
}

fn too_many_pixels(width: u64, height: u64) -> Text {
    let (most, korean) = (PIXELS_MAX / 1_000_000, PIXELS_MAX / 10_000);
    Text::new(
        format!(
            "The picture has {width} × {height} pixels, and at most {most} million are taken. Make it \
                         smaller, then distribute it anew."
        ),
        format!(
            "이미지가 {width} × {height} 픽셀입니다. {korean}만 픽셀까지 받을 수 있으니 크기를 줄인 뒤 다시 배포해 주세요."
        ),
    )
}

fn lying(declared: &str, is: &str) -> Text {
    Text::new(
        format!(
            "The media file's server calls it {declared}, and it is {is}. Have the server say what it is, \
                         then distribute it anew."
        ),
        format!(
            "서버는 파일을 {declared}(이)라고 하지만 실제로는 {is}입니다. 서버의 Content-Type을 고친 뒤 다시 배포해 주세요."
        ),
    )
}

/// What is said of a picture that some channel does not take.
fn as_it_is(kind: PictureKind, size: Option<Size>, bytes: usize) -> String {
    let kind = kind.media_type();
    match size {
        Some(Size { width, height }) => format!("{kind}, {width} × {height}, {bytes} B"),
        None => format!("{kind}, {bytes} B"),
    }
}

/// The same for everybody who waited for it.
pub(super) type SharedError = Arc<MediaError>;
