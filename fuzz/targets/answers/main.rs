//! What channels answer, whatever it is: a client is driven along its protocol, and asked
//! all else that it can be asked, while a server in this process answers as the input says.
//! After the channels' clients come the two that are driven otherwise: Instagram's tokens, and
//! the films that lie at users' addresses. `input.rs` says how an input is read, `drive.rs`,
//! `tokens.rs` and `parts.rs` what must be true of what comes of it.
//!
//! Deliberately absent: the engine and a database. That at most one effect comes to be is
//! the conformance suite's.
#![no_main]

mod drive;
mod input;
mod parts;
mod server;
mod subjects;
mod tokens;
mod told;

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

use self::input::Input;
use self::server::Server;
use self::subjects::Subject;

/// All that is kept for the whole process: to make a client takes longer than to ask it.
struct World {
    runtime: Runtime,
    server: Server,
    subjects: Vec<Subject>,
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime can be made");
        let server = runtime.block_on(Server::start());
        let subjects = subjects::all(&server);
        Self {
            runtime,
            server,
            subjects,
        }
    }
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    let Some(input) = Input::of(bytes) else { return };
    WORLD.with(|world| {
        let world = world.get_or_init(World::new);
        let subject = &world.subjects[input.subject % world.subjects.len()];
        world.server.answers(input.answers.clone(), input.repeats);
        world.runtime.block_on(async {
            match subject {
                Subject::Channel(channel) => drive::drive(channel, &world.server, &input).await,
                Subject::Tokens(tokens) => tokens::drive(tokens, &world.server).await,
                Subject::Films(media) => parts::drive(media, &world.server, &input).await,
            }
        });
    });
});
