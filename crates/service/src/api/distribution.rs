//! `GET /api/distributions/{id}`: one distribution.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::caller::{Caller, DistributionInPath};
use super::envelope::AskedLanguage;
use super::error::ApiError;
use super::openapi::problems;
use super::state::Api;
use super::view::{self, DistributionView};

/// Shows one distribution as it stands now.
#[utoipa::path(
    get,
    path = "/api/distributions/{id}",
    operation_id = "getDistribution",
    tag = "distributions",
    params(("id" = Uuid, Path, description = "The `distributionId`")),
    responses(
        (status = 200, body = DistributionView, description = "As it stands now."),
        (status = 404, response = problems::NotFound),
        (status = 503, response = problems::Unavailable),
    )
)]
pub(super) async fn get_distribution(
    State(state): State<Arc<Api>>,
    Extension(language): AskedLanguage,
    caller: Caller,
    DistributionInPath(id): DistributionInPath,
) -> Result<Response, ApiError> {
    let distribution = state.store.distribution(&caller.tenant, id).await?;
    let distribution = distribution.ok_or(ApiError::DistributionUnknown)?;
    view::json_in(language, StatusCode::OK, &DistributionView::of(&distribution, language))
}
