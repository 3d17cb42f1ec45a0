//! The blog against a client that others have written and that knows nothing of
//! ours: Python's own `xmlrpc.client`. What both it and our client take for
//! `MetaWeblog` is not a misreading that the two sides of this project share.
//!
//! Needs `python3`, of which it uses the standard library alone.

use std::time::Duration;

use fanfare_simulator::{Simulator, SimulatorSettings};
use tokio::process::Command;

const SCRIPT: &str = r#"
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

#[tokio::test]
async fn python_s_own_client_finds_the_blog_as_it_expects_one() {
    let settings = SimulatorSettings {
        clock: fanfare_simulator::Clock::fixed("2026-11-24T01:00:00Z".parse().unwrap()),
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, simulator.base_url()]).kill_on_drop(true);
    let run = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
    let output = run
        .expect("the client hangs")
        .expect("python3 is needed for this test: install it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("published "), "{said}");
    let effects = simulator.effects();
    assert_eq!(effects.len(), 2, "a draft is seen by nobody: {effects:?}");
    assert_eq!(effects[0].our_id, "fanfare-1-1");
}
