//! `GET /media/{sha256}`: a picture that was made to fit a channel, for the channel
//! to fetch. It needs no key: its name is the hash of what is in it, so that only
//! who was given it can ask for it, and it never changes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use fanfare_core::picture::PictureKind;

use super::error::ApiError;
use super::state::Api;

/// A year, as long as caches keep anything.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) async fn get_media(State(state): State<Arc<Api>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let links = state.media.as_ref().ok_or(ApiError::PathUnknown)?;
    let found = links.find(&name).await;
    let bytes = found.map_err(|error| ApiError::internal("reading a fitted picture", error))?;
    let mut response = bytes.ok_or(ApiError::PathUnknown)?.into_response();
    let headers = response.headers_mut();
    // Whatever is made to fit is made a JPEG.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PictureKind::Jpeg.media_type()));
    headers.insert(CACHE_CONTROL, FOR_EVER);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
