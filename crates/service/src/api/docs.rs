//! `/openapi.json`, `/asyncapi.yaml` for the Kafka topic, and `/docs`, which shows the first: Swagger UI out of the binary,
//! under a strict content security policy, without a network.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use super::error::ApiError;
use super::openapi;

/// What is published to Kafka; a test holds it against the code.
const ASYNCAPI: &str = include_str!("../../../../docs/asyncapi.yaml");

/// Where the document is.
const OPENAPI_JSON: &str = "/openapi.json";

/// Only this server's own files, and no inline script. Swagger UI draws its
/// icons as `data:` images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document does not change while the service runs.
static DOCUMENT: LazyLock<Result<Bytes, serde_json::Error>> =
    LazyLock::new(|| openapi::document().to_json().map(Bytes::from));

/// No third party is asked to validate the document: `none` switches that off.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from(OPENAPI_JSON)
        .validator_url("none")
        .query_config_enabled(false)
        .display_request_duration(true)
        .doc_expansion("list");
    Arc::new(config)
});

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
    file("")
}

/// `GET /docs/{file}`.
pub(super) async fn docs_file(Path(path): Path<String>) -> Result<Response, ApiError> {
    file(&path)
}

fn file(path: &str) -> Result<Response, ApiError> {
    let file = utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG))
        .map_err(|error| ApiError::internal("reading a file of the documentation", error.to_string()))?;
    let file = file.ok_or(ApiError::PathUnknown)?;
    let mut response = (StatusCode::OK, file.bytes.into_owned()).into_response();
    let content_type =
        HeaderValue::try_from(file.content_type).map_err(|error| ApiError::internal("naming a file's type", error))?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        let file = utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG)).unwrap().unwrap();
        String::from_utf8(file.bytes.into_owned()).unwrap()
    }

    #[test]
    fn the_page_needs_no_network_and_no_inline_script() {
        let page = text("");
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<style"), "{page}");
        assert!(!page.contains("onload="), "{page}");
        let initializer = text("swagger-initializer.js");
        assert!(initializer.contains(OPENAPI_JSON), "{initializer}");
        assert!(!initializer.contains("petstore"), "{initializer}");
    }

    #[test]
    fn every_file_that_the_page_names_is_there_and_no_other() {
        let page = text("");
        let named: Vec<_> = page
            .split('"')
            .filter(|word| word.starts_with("./") || *word == "index.css")
            .collect();
        assert!(named.len() >= 4, "{page}");
        for name in named {
            assert!(file(name.trim_start_matches("./")).is_ok(), "{name}");
        }
        assert!(matches!(file("../Cargo.toml"), Err(ApiError::PathUnknown)));
    }
}
