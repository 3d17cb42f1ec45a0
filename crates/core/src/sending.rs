//! The switch that holds all sending, or one tenant's: what operators have ordered
//! of it, kept, so that every replica obeys it and a restart forgets nothing.
//!
//! What is held back meanwhile, and how it goes on, is the engine's
//! (`engine/stop.rs`).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::ids::TenantId;

/// Whose sending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendingScope {
    /// Everybody's.
    All,
    /// One tenant's, by an order of its own.
    Tenant(TenantId),
    /// One tenant's, by an order of who operates the service: the tenant's own
    /// orders leave it as it is.
    OfService(TenantId),
}

impl SendingScope {
    /// The word on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tenant(_) | Self::OfService(_) => "tenant",
        }
    }

    /// Whose, where it is one tenant's.
    pub const fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) | Self::OfService(tenant) => Some(tenant),
        }
    }

    /// Whether only who operates the service orders it.
    pub const fn is_of_service(&self) -> bool {
        matches!(self, Self::All | Self::OfService(_))
    }

    /// All, or that tenant's, as the database keeps it.
    pub fn of(tenant: Option<TenantId>, of_service: bool) -> Self {
        match tenant {
            None => Self::All,
            Some(tenant) if of_service => Self::OfService(tenant),
            Some(tenant) => Self::Tenant(tenant),
        }
    }
}

/// What is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendingAction {
    /// Nothing begins any more.
    Stop,
    /// It goes on.
    Resume,
}

impl SendingAction {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Stop, Self::Resume];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Resume => "resume",
        }
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingOrder {
    /// Whose sending.
    pub scope: SendingScope,
    /// What.
    pub action: SendingAction,
    /// Who ordered it: a name for people.
    pub actor: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What is stopped. Each scope is apart: to resume the one leaves the others as
/// they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stops(BTreeSet<SendingScope>);

impl Stops {
    /// From now on.
    pub fn order(&mut self, scope: SendingScope, action: SendingAction) {
        match action {
            SendingAction::Stop => self.0.insert(scope),
            SendingAction::Resume => self.0.remove(&scope),
        };
    }

    /// Whether this scope itself is stopped.
    pub fn has(&self, scope: &SendingScope) -> bool {
        self.0.contains(scope)
    }

    /// Whether nothing of this tenant's may begin.
    pub fn hold(&self, tenant: &TenantId) -> bool {
        let of = |scope: fn(TenantId) -> SendingScope| self.has(&scope(tenant.clone()));
        !self.0.is_empty() && (self.has(&SendingScope::All) || of(SendingScope::Tenant) || of(SendingScope::OfService))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_apart() {
        let (cafe, bakery) = (TenantId::new("cafe"), TenantId::new("bakery"));
        let mut stops = Stops::default();
        let held = |stops: &Stops| [stops.hold(&cafe), stops.hold(&bakery)];
        assert_eq!(held(&stops), [false, false]);
        stops.order(SendingScope::Tenant(cafe.clone()), SendingAction::Stop);
        assert_eq!(held(&stops), [true, false]);
        stops.order(SendingScope::All, SendingAction::Stop);
        assert_eq!(held(&stops), [true, true]);
        stops.order(SendingScope::All, SendingAction::Resume);
        assert_eq!(held(&stops), [true, false]);
        stops.order(SendingScope::OfService(cafe.clone()), SendingAction::Stop);
        stops.order(SendingScope::Tenant(cafe.clone()), SendingAction::Resume);
        assert_eq!(held(&stops), [true, false]);
        stops.order(SendingScope::OfService(cafe.clone()), SendingAction::Resume);
        assert_eq!(stops, Stops::default());
    }
}
