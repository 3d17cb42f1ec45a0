//! Chores of this repository: `cargo run -p xtask -- media`.
mod canvas;
mod outline;
mod scene;
mod shape;
mod trig;
fn main() -> anyhow::Result<()> {
    let out = std::env::args().nth(1).unwrap_or_default();
    for (n, f) in [
        (
            "spring-coffee",
            scene::spring_coffee::draw as fn() -> canvas::Canvas,
        ),
        ("bakery", scene::bakery::draw),
        ("flower-shop", scene::flower_shop::draw),
    ] {
        if std::env::args().nth(2).is_some_and(|w| w != n) {
            continue;
        }
        let j = f().jpeg(85)?;
        std::fs::write(format!("{out}/{n}.jpg"), j)?;
    }
    Ok(())
}
