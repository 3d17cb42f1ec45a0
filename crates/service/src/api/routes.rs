//! What each route asks for, said where the route is made: there is no other
//! way to make one, so none can be forgotten.
//!
//! Who asks is found out in `caller.rs`; the `OpenAPI` document says the same by
//! reading this.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{delete, get, post, put};
use fanfare_core::api_key::Scope;

use super::state::Api;

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: it is open to everybody.
    Nothing,
    /// A key with this scope; its tenant's data are seen, and no other's.
    Scope(Scope),
    /// A key with this scope, of the default tenant, which is the operator's:
    /// what is shown or done is not one tenant's.
    OfService(Scope),
}

/// By method and path, as the path was given.
#[derive(Debug, Default)]
pub(super) struct NeedsOfRoutes(BTreeMap<(&'static str, &'static str), Needs>);

impl NeedsOfRoutes {
    /// What a request asks for that this path matched; `None` where the path
    /// does not take the method.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<Needs> {
        let method = match *method {
            Method::GET | Method::HEAD => "get",
            Method::POST => "post",
            Method::PUT => "put",
            Method::DELETE => "delete",
            _ => return None,
        };
        self.0.get(&(method, path)).copied()
    }

    /// All routes: method, path and what it asks for.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, Needs)> {
        self.0.iter().map(|((method, path), needs)| (*method, *path, *needs))
    }
}

/// Routes and what they ask for, together.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Arc<Api>>,
    needs: NeedsOfRoutes,
}

impl Routes {
    /// Reads something.
    pub(super) fn get<T: 'static>(
        mut self,
        path: &'static str,
        needs: Needs,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.needs.0.insert(("get", path), needs);
        self.router = self.router.route(path, get(handler));
        self
    }

    /// Has something done.
    pub(super) fn post<T: 'static>(
        mut self,
        path: &'static str,
        needs: Needs,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.needs.0.insert(("post", path), needs);
        self.router = self.router.route(path, post(handler));
        self
    }

    /// Puts something in the place of what is there.
    pub(super) fn put<T: 'static>(
        mut self,
        path: &'static str,
        needs: Needs,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.needs.0.insert(("put", path), needs);
        self.router = self.router.route(path, put(handler));
        self
    }

    /// Takes something away.
    pub(super) fn delete<T: 'static>(
        mut self,
        path: &'static str,
        needs: Needs,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.needs.0.insert(("delete", path), needs);
        self.router = self.router.route(path, delete(handler));
        self
    }

    /// The two apart.
    pub(super) fn into_parts(self) -> (Router<Arc<Api>>, NeedsOfRoutes) {
        (self.router, self.needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_the_head_asks_for_what_the_whole_does() {
        let (_, needs) = Routes::default()
            .get("/a/{id}", Needs::Scope(Scope::Read), async || ())
            .post("/a/{id}", Needs::Scope(Scope::Operate), async || ())
            .into_parts();
        for (method, needed) in [
            (Method::GET, Some(Needs::Scope(Scope::Read))),
            (Method::HEAD, Some(Needs::Scope(Scope::Read))),
            (Method::POST, Some(Needs::Scope(Scope::Operate))),
            (Method::DELETE, None),
        ] {
            assert_eq!(needs.of(&method, "/a/{id}"), needed, "{method}");
        }
        assert_eq!(needs.of(&Method::GET, "/b"), None);
    }
}
