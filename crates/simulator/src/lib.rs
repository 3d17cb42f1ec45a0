//! The six channels' APIs, wire-faithful, with faults on demand.
//!
//! It stands in for channels that nobody here holds credentials of: it keeps
//! each channel's own rules, refuses what the real one refuses, and remembers
//! every *effect*, that is, every post, message, tone or booking that came to
//! be. It is written from the channels' documents and shares no type with the
//! service, so that an error about the contract shows.
//!
//! | file | holds |
//! |---|---|
//! | `server.rs` | the one way a request takes, past the faults |
//! | `fault.rs` | which fault meets which request |
//! | `scenario.rs` | named sets of faults |
//! | `channels/` | one file a channel |
//! | `control.rs`, `page.rs` | `/_simulator/…`, and what a person sees |
//! | `world.rs` | all that is remembered |
//!
//! Deliberately absent: whether a real channel behaves so. Where its makers
//! publish no API, the contract is our own proposal.

mod channels;
mod clock;
mod control;
mod exchange;
mod fault;
mod page;
mod picture;
mod scenario;
mod server;
mod world;
mod xml_rpc;

pub use self::clock::Clock;
pub use self::scenario::{SCENARIOS, Scenario, ScenarioError};
pub use self::server::{RunningSimulator, Simulator, SimulatorSettings, StartError};
pub use self::world::Effect;
