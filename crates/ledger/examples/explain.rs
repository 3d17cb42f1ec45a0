//! Scratch.
#![allow(clippy::all, clippy::print_stdout)]
fn main() {
    let c = rusqlite::Connection::open("/work/scratch-bench/fanfare.db").unwrap();
    println!("{}", rusqlite::version());
    let sql = std::env::args().nth(1).unwrap();
    let mut s = c.prepare(&format!("EXPLAIN {sql}")).unwrap();
    let n = s.parameter_count();
    for i in 1..=n {
        s.raw_bind_parameter(i, rusqlite::types::Null).unwrap();
    }
    let mut r = s.raw_query();
    while let Some(r) = r.next().unwrap() {
        println!(
            "{:4} {:14} {:3} {:3} {:3} {}",
            r.get::<_, i64>(0).unwrap(),
            r.get::<_, String>(1).unwrap(),
            r.get::<_, i64>(2).unwrap(),
            r.get::<_, i64>(3).unwrap(),
            r.get::<_, i64>(4).unwrap(),
            r.get::<_, Option<String>>(5).unwrap().unwrap_or_default()
        );
    }
}
