//! `/openapi.json`, `/asyncapi.yaml` for the Kafka topic, and `/docs`, which shows the first: Swagger UI out of the binary,
//! under a strict content security policy, without a network. Its two big files are kept as they are sent, compressed
//! (`scripts/update-swagger-ui` makes them): every browser takes them so.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;

use super::error::ApiError;
use super::openapi;

/// What is published to Kafka; a test holds it against the code.
const ASYNCAPI: &str = include_str!("../../../../docs/asyncapi.yaml");

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// Whether the bytes are gzip's.
    compressed: bool,
}

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../assets/swagger-ui/", $name)),
            compressed: false,
        }
    };
    ($name:literal, $content_type:literal, gzip) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../assets/swagger-ui/", $name, ".gz")),
            compressed: true,
        }
    };
}

const ASSETS: [Asset; 4] = [
    asset!("index.html", "text/html; charset=utf-8"),
    asset!("swagger-initializer.js", "text/javascript; charset=utf-8"),
    asset!("swagger-ui-bundle.js", "text/javascript; charset=utf-8", gzip),
    asset!("swagger-ui.css", "text/css; charset=utf-8", gzip),
];

/// Only this server's own files, and no inline script. Swagger UI draws its
/// icons as `data:` images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document does not change while the service runs.
static DOCUMENT: LazyLock<Result<Bytes, serde_json::Error>> =
    LazyLock::new(|| openapi::document().to_json().map(Bytes::from));

/// `GET /openapi.json`.
pub(super) async fn openapi_json() -> Result<Response, ApiError> {
    let document = DOCUMENT
        .as_ref()
        .map_err(|error| ApiError::internal("writing the OpenAPI document", error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], document.clone()).into_response())
}

/// `GET /asyncapi.yaml`.
pub(super) async fn asyncapi_yaml() -> Response {
    ([(CONTENT_TYPE, "application/yaml")], ASYNCAPI).into_response()
}

/// `GET /docs`: the page's files are relative to `/docs/`.
pub(super) async fn docs() -> Redirect {
    Redirect::permanent("/docs/")
}

/// `GET /docs/`.
pub(super) async fn docs_index() -> Result<Response, ApiError> {
    file("index.html")
}

/// `GET /docs/{file}`.
pub(super) async fn docs_file(Path(path): Path<String>) -> Result<Response, ApiError> {
    file(&path)
}

fn file(name: &str) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or(ApiError::PathUnknown)?;
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, asset.content_type);
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    if asset.compressed {
        set(CONTENT_ENCODING, "gzip");
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> &'static str {
        let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
        std::str::from_utf8(asset.bytes).unwrap()
    }

    #[test]
    fn the_page_needs_no_network_and_no_inline_script() {
        let page = text("index.html");
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<style"), "{page}");
        assert!(!page.contains("onload="), "{page}");
        let initializer = text("swagger-initializer.js");
        assert!(initializer.contains("\"/openapi.json\""), "{initializer}");
    }

    #[test]
    fn every_file_that_the_page_names_is_there_and_no_other() {
        let page = text("index.html");
        let named: Vec<_> = page.split('"').filter_map(|word| word.strip_prefix("./")).collect();
        assert_eq!(named.len(), ASSETS.len() - 1, "{page}");
        for name in named {
            assert!(file(name).is_ok(), "{name}");
        }
        assert!(matches!(file("../Cargo.toml"), Err(ApiError::PathUnknown)));
    }
}
