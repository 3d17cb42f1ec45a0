//! What a URL's file extension says about the file.
//!
//! Only a hint, taken before anything is fetched: the bytes are checked after
//! acceptance, and many good URLs have no extension at all.

use url::Url;

/// What sort of file it is; one field of `contentUrls` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A film.
    Video,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Image, Self::Audio, Self::Video];

    /// Its field in `contentUrls`.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Image => "imageUrl",
            Self::Audio => "audioUrl",
            Self::Video => "videoUrl",
        }
    }
}

/// Extensions by which the array form of `contentUrls` is typed.
const LISTED: [(&str, MediaKind); 14] = [
    ("jpg", MediaKind::Image),
    ("jpeg", MediaKind::Image),
    ("png", MediaKind::Image),
    ("webp", MediaKind::Image),
    ("gif", MediaKind::Image),
    ("mp3", MediaKind::Audio),
    ("wav", MediaKind::Audio),
    ("m4a", MediaKind::Audio),
    ("aac", MediaKind::Audio),
    ("ogg", MediaKind::Audio),
    ("mp4", MediaKind::Video),
    ("mov", MediaKind::Video),
    ("m4v", MediaKind::Video),
    ("webm", MediaKind::Video),
];

/// Further extensions that say what a file is, and that no channel takes.
const OTHERS: [&str; 18] = [
    "svg", "bmp", "tif", "tiff", "heic", "heif", "avif", "ico", "psd", "pdf", "flac", "wma", "opus", "avi", "mkv",
    "wmv", "zip", "html",
];

/// The kind that the array form of `contentUrls` takes a URL for.
pub fn kind_of(url: &str) -> Option<MediaKind> {
    let extension = extension_of(url)?;
    LISTED
        .iter()
        .find(|(listed, _)| *listed == extension)
        .map(|(_, kind)| *kind)
}

/// The extension, in lower case, where it is one that says what the file is.
/// `photo.php` and `v1.2` say nothing.
pub fn format_of(url: &str) -> Option<String> {
    let extension = extension_of(url)?;
    let listed = LISTED.iter().any(|(listed, _)| *listed == extension);
    (listed || OTHERS.contains(&extension.as_str())).then_some(extension)
}

/// The extensions of the array form, for people to read.
pub(crate) fn listed_extensions() -> String {
    LISTED.map(|(extension, _)| extension).join(" ")
}

fn extension_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let file = url.path_segments()?.next_back()?.to_owned();
    let (name, extension) = file.rsplit_once('.')?;
    (!name.is_empty() && !extension.is_empty()).then(|| extension.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_types_a_url() {
        for (url, kind) in [
            ("https://a.kr/p.jpg", Some(MediaKind::Image)),
            ("https://a.kr/p.JPEG?size=1.mp3#x.wav", Some(MediaKind::Image)),
            ("https://a.kr/d/p.webp", Some(MediaKind::Image)),
            ("https://a.kr/p.m4a", Some(MediaKind::Audio)),
            ("https://a.kr/p.tar.mp4", Some(MediaKind::Video)),
            ("https://a.kr/p.webm", Some(MediaKind::Video)),
            ("https://a.kr/p.svg", None),
            ("https://a.kr/p", None),
            ("https://a.kr/p.jpg/", None),
            ("https://a.kr/.jpg", None),
            ("https://a.jpg", None),
            ("p.jpg", None),
        ] {
            assert_eq!(kind_of(url), kind, "{url}");
        }
    }

    #[test]
    fn only_telling_extensions_are_a_format() {
        assert_eq!(format_of("https://a.kr/p.PNG").as_deref(), Some("png"));
        assert_eq!(format_of("https://a.kr/p.svg").as_deref(), Some("svg"));
        assert_eq!(format_of("https://a.kr/p.php"), None);
        assert_eq!(format_of("https://a.kr/v1.2"), None);
    }
}
