//! Which key each operation asks for, as `routes.rs` has it: the document can't
//! say anything else than what is checked.

use std::collections::BTreeMap;
use std::fmt::Write;

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr};

use crate::api::routes::Needs;

/// The name of the scheme in the document.
const SCHEME: &str = "apiKey";

/// Adds the scheme, and to each operation what it needs.
pub(super) fn describe(document: &mut Document) {
    let (_, needs) = crate::api::routes().into_parts();
    let needs: BTreeMap<_, _> = needs
        .all()
        .map(|(method, path, needs)| ((method, without_names(path)), needs))
        .collect();
    for (path, item) in &mut document.paths.paths {
        let path = without_names(path);
        for (method, operation) in [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("delete", &mut item.delete),
        ] {
            if let (Some(operation), Some(needs)) = (operation, needs.get(&(method, path.clone()))) {
                say(operation, *needs);
            }
        }
    }
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API key: `ff_` and 43 characters. Its scopes are some of `distribute`, `read`, `operate` and `admin`.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme));
}

/// A path's parameters may have one name here and another there.
pub(super) fn without_names(path: &str) -> String {
    let parts = path.split('/');
    let parts: Vec<_> = parts
        .map(|part| if part.starts_with('{') { "{}" } else { part })
        .collect();
    parts.join("/")
}

fn say(operation: &mut Operation, needs: Needs) {
    let (scope, of_service) = match needs {
        Needs::Nothing => {
            operation.security = Some(Vec::new());
            return;
        }
        Needs::Scope(scope) => (scope, false),
        Needs::OfService(scope) => (scope, true),
    };
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, [scope.name()])]);
    let said = operation.description.get_or_insert_default();
    let operators = if of_service { " of the tenant `default`" } else { "" };
    // Writing to a string cannot fail.
    _ = write!(said, "\n\nNeeds a key{operators} with the scope `{scope}`.");
    // Keys stand in the database: without it nobody is let in.
    for (status, name) in [("401", "Unauthenticated"), ("403", "Forbidden"), ("503", "Unavailable")] {
        let reference = RefOr::Ref(Ref::from_response_name(name));
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert(reference);
    }
}
