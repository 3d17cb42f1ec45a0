//! The simulator against clients that others have written and that know nothing of ours:
//! the blog against Python's own `xmlrpc.client`, Instagram against Meta's own
//! `facebook-business`. What both they and our clients take for a channel's protocol is
//! not a misreading that the two sides of this project share.
//!
//! Needs `python3` with venv; Meta's client is put into `target/` by `scripts/meta-sdk`,
//! which `scripts/test` calls before.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use fanfare_simulator::{Clock, RunningSimulator, Simulator, SimulatorSettings};
use tokio::process::Command;

const BLOG: &str = r#"
import sys, urllib.request, xmlrpc.client
base = sys.argv[1]
blog = xmlrpc.client.ServerProxy(base + "/naver-blog/xmlrpc", use_builtin_types=True)
who = ("shop", "shop", "password")

def fault(code, call):
    try:
        call()
    except xmlrpc.client.Fault as fault:
        assert fault.faultCode == code, fault
    else:
        raise AssertionError("no fault")

assert blog.blogger.getUsersBlogs("key", "shop", "password")[0]["blogid"] == "shop"
picture = blog.metaWeblog.newMediaObject(*who, {"name": "a.jpg", "type": "image/jpeg", "bits": b"\xff\xd8\xff" * 999})
assert picture["url"].startswith(base), picture
title, text = "여는 날 <b> & \"빵\" 🌸", "<p>10% &amp; more</p>\n<!-- x -->"
post = {"title": title, "description": text, "wp_slug": "fanfare-1-1"}
first = blog.metaWeblog.newPost(*who, post, True)
second = blog.metaWeblog.newPost(*who, post, True)
assert first != second, "a repeat is another post"
draft = blog.metaWeblog.newPost(*who, {"title": "draft", "description": ""}, False)
recent = blog.metaWeblog.getRecentPosts(*who, 3)
assert [it["postid"] for it in recent] == [draft, second, first], recent
assert (recent[2]["title"], recent[2]["description"]) == (title, text), recent[2]
assert [it["wp_slug"] for it in recent[1:]] == ["fanfare-1-1-2", "fanfare-1-1"], recent
assert recent[2]["dateCreated"].year == 2026, recent[2]
assert len(blog.metaWeblog.getRecentPosts(*who, 1)) == 1
assert urllib.request.urlopen(recent[2]["permaLink"]).status == 200
assert blog.metaWeblog.getPost(first, "shop", "password")["link"] == recent[2]["link"]
assert blog.blogger.deletePost("key", second, "shop", "password", True) is True
fault(404, lambda: blog.blogger.deletePost("key", second, "shop", "password", True))
fault(404, lambda: blog.metaWeblog.getPost("999", "shop", "password"))
fault(403, lambda: blog.metaWeblog.getRecentPosts("shop", "shop", "wrong", 1))
fault(500, lambda: blog.metaWeblog.newPost(*who, {"title": "", "description": ""}, True))
fault(400, lambda: blog.metaWeblog.newPost("shop"))
fault(-32601, lambda: blog.no.such.method())
print("published", first)
"#;

/// Installs Meta's client where that was not done before, and prints where.
const META_SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/meta-sdk");

const INSTAGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign_instagram.py");

async fn simulator() -> RunningSimulator {
    let settings = SimulatorSettings {
        clock: Clock::fixed("2026-11-24T01:00:00Z".parse().unwrap()),
        ..SimulatorSettings::default()
    };
    Simulator::start(settings).await.unwrap()
}

/// What it prints; with all that it says, where it fails.
async fn run(program: &str, arguments: &[&str], within: Duration) -> String {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    let run = tokio::time::timeout(within, command.output()).await;
    let output = run.unwrap_or_else(|_| panic!("{program} hangs"));
    let output = output.unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {said}{errors}");
    said
}

#[tokio::test]
async fn meta_s_own_client_finds_instagram_as_it_expects_it() {
    let folder = run(META_SDK, &[], Duration::from_mins(5)).await;
    let python = format!("{}/bin/python", folder.trim());
    let simulator = simulator().await;
    let said = run(&python, &[INSTAGRAM, simulator.base_url()], Duration::from_mins(1)).await;
    let effects = simulator.effects();
    assert_eq!(effects.len(), 2, "a picture and a carousel: {effects:?}");
    assert!(
        said.starts_with(&format!("published {} ", effects[0].remote_id)),
        "{said}"
    );
}

#[tokio::test]
async fn python_s_own_client_finds_the_blog_as_it_expects_one() {
    let simulator = simulator().await;
    let said = run("python3", &["-c", BLOG, simulator.base_url()], Duration::from_mins(1)).await;
    assert!(said.starts_with("published "), "{said}");
    let effects = simulator.effects();
    assert_eq!(effects.len(), 2, "a draft is seen by nobody: {effects:?}");
    assert_eq!(effects[0].our_id, "fanfare-1-1");
}
