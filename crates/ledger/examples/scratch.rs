//! Scratch.
#![allow(clippy::all, clippy::print_stdout)]
fn main() {
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let batches: u32 = std::env::args().nth(2).unwrap().parse().unwrap();
    let _ = std::fs::remove_dir_all(&dir);
    let bare = fanfare_ledger::bare::measure(&dir, "2026-11-22T10:00:00Z".parse().unwrap(), 300, batches).unwrap();
    println!("{bare:?}");
    println!(
        "commits/s {:.0}",
        f64::from(bare.commits) / bare.commits_took.as_secs_f64()
    );
    println!(
        "distributions/s {:.0}",
        f64::from(bare.distributions) / bare.distributions_took.as_secs_f64()
    );
}
