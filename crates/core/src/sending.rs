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
    /// One tenant's.
    Tenant(TenantId),
}

impl SendingScope {
    /// The word on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tenant(_) => "tenant",
        }
    }

    /// Whose, where it is one tenant's.
    pub const fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::All => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }

    /// All, or that tenant's.
    pub fn of(tenant: Option<TenantId>) -> Self {
        tenant.map_or(Self::All, Self::Tenant)
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

/// What is stopped. All and a tenant's own are apart: to resume the one leaves the
/// other as it is.
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
        !self.0.is_empty()
            && (self.0.contains(&SendingScope::All) || self.0.contains(&SendingScope::Tenant(tenant.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_and_a_tenants_own_are_apart() {
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
        stops.order(SendingScope::Tenant(cafe.clone()), SendingAction::Resume);
        assert_eq!(stops, Stops::default());
    }
}
