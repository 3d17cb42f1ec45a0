//! What the fuzz targets (`scripts/fuzz`) reach of the readers of files. It is compiled for
//! them alone: everybody else has the address of a file, not its bytes.

use std::time::Duration;

use bytes::Bytes;
use fanfare_core::validate::instagram;

use super::film::{Film, FilmError, Found, PARTS_MAX, find, is_film};
use super::sniff::sniff;
use super::sound::listen;
use super::{MediaClient, MediaError};

/// Width and height of a picture that is measured.
pub fn picture(bytes: &[u8]) -> Option<(u32, u32)> {
    let size = sniff(bytes, None).ok()?.size?;
    Some((size.width, size.height))
}

/// How long a sound lasts.
pub fn sound(bytes: &[u8]) -> Option<Duration> {
    Some(listen(bytes, None).ok()?.length)
}

/// Looks at a film of which the server gives so many bytes at once at the most, as
/// `part.rs` does.
///
/// # Errors
/// Why a channel does not take it.
pub fn film(file: &[u8], most: u64) -> Result<(), FilmError> {
    let part = |from: u64, length: u64| {
        let begin = usize::try_from(from).unwrap_or(usize::MAX).min(file.len());
        let length = usize::try_from(length.min(most)).unwrap_or(usize::MAX);
        &file[begin..begin.saturating_add(length).min(file.len())]
    };
    if !is_film(file) {
        return Err(FilmError::NoFilm);
    }
    let all = Some(file.len() as u64);
    let (mut from, mut length) = (0, most);
    for _ in 0..PARTS_MAX {
        match find(part(from, length), from, all)? {
            Found::Here(description, whole) => return Film::of(description, whole).check(&instagram::FILM),
            Found::At(place, wanted, so_far) if (place, wanted) == (from, length) => {
                return Film::of(so_far, false).check(&instagram::FILM);
            }
            Found::At(place, wanted, _) => (from, length) = (place, wanted),
        }
    }
    Ok(())
}

/// A part of a file: its bytes, how long all of it is, and whether it is what was asked for.
///
/// # Errors
/// Why there is none.
pub async fn part(
    client: &MediaClient,
    url: &str,
    from: u64,
    length: u64,
) -> Result<(Bytes, Option<u64>, bool), MediaError> {
    let part = client.part(url, from, length).await?;
    Ok((part.answer.body, part.all, part.as_asked))
}
