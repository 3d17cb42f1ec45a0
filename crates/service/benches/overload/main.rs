//! What the service does when more is asked of it than can be done, and when one
//! channel hangs: T11 and T12 of the test plan, as programs that are run and read.
//!
//! ```sh
//! cargo bench -p fanfare --bench overload -- [t11|t12] [--short]
//! ```
//!
//! The service is a process of its own, as it is released, over an embedded database;
//! the channels are simulated in this process. What came of every delivery is compared
//! with the simulator's record and with the database. It shares the machine with what
//! it measures: compare ratios.
//!
//! | file | does |
//! |---|---|
//! | `t11.rs` | one channel hangs: what the others notice |
//! | `t12.rs` | four times the load that can be held, then the usual one |
//! | `service.rs` | the service, as a process |
//! | `channels.rs` | the simulated channels |
//! | `offer.rs` | sends so many requests a second, however they are answered |
//! | `record.rs` | what the database and the channels hold at the end |
//! | `share.rs` | percentiles, medians |

mod channels;
mod offer;
mod record;
mod service;
mod share;
mod t11;
mod t12;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Cargo says `--bench` to every benchmark.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_short = asked.iter().any(|word| word == "--short");
    let names: Vec<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--short")
        .collect();
    runtime.block_on(async {
        match names[..] {
            [] => {
                t11::run(is_short).await?;
                t12::run(is_short).await
            }
            ["t11"] => t11::run(is_short).await,
            ["t12"] => t12::run(is_short).await,
            _ => bail!("give t11, t12 or nothing, and --short for a run of minutes"),
        }
    })
}
