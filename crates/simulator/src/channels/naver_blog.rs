//! A blog that speaks `MetaWeblog`, as `WordPress` does. Naver's own endpoint is
//! closed since 2020. Failures are XML-RPC faults with status 200.

use std::fmt::Write as _;

use hyper::Method;
use serde_json::json;

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::{Effect, World};

pub(crate) const SERVED: Served = Served {
    name: "naver-blog",
    steps: &["post", "media", "lookup", "other"],
    step,
    handle,
    throttled: too_many_requests,
};

/// Newest last.
pub(crate) type Blogs = Vec<Post>;

pub(crate) struct Post {
    id: u64,
    title: String,
    description: String,
}

fn step(incoming: &Incoming) -> Option<&'static str> {
    if incoming.method != Method::POST || incoming.parts() != ["xmlrpc"] {
        return None;
    }
    let text = String::from_utf8_lossy(&incoming.body);
    Some(
        match between(&text, "<methodName>", "</methodName>").unwrap_or_default() {
            "metaWeblog.newPost" => "post",
            "metaWeblog.newMediaObject" => "media",
            "metaWeblog.getRecentPosts" => "lookup",
            _ => "other",
        },
    )
}

fn handle(world: &mut World, incoming: &Incoming, _fault: Option<&Fault>) -> Outgoing {
    let text = String::from_utf8_lossy(&incoming.body).into_owned();
    let strings: Vec<_> = text
        .split("<string>")
        .skip(1)
        .filter_map(|rest| rest.split("</string>").next())
        .collect();
    if !is_good(strings.get(2).copied()) {
        return fault(403, "Incorrect username or password.");
    }
    match step(incoming) {
        Some("post") => new_post(world, &text),
        Some("media") => {
            let url = format!("{}/media/{}.jpg", incoming.base_url, world.known.number());
            value(&format!(
                "<struct><member><name>url</name><value><string>{url}</string></value></member></struct>"
            ))
        }
        Some("lookup") => recent(world, &incoming.base_url),
        _ => fault(-32_601, "server error. requested method not found"),
    }
}

fn new_post(world: &mut World, text: &str) -> Outgoing {
    let member = |name: &str| {
        let rest = text.split(&format!("<name>{name}</name>")).nth(1).unwrap_or_default();
        unescaped(between(rest, "<string>", "</string>").unwrap_or_default())
    };
    let (title, description) = (member("title"), member("description"));
    if title.is_empty() && description.is_empty() {
        return fault(500, "Content, title, and excerpt are empty.");
    }
    let id = world.known.number();
    world.known.effects.push(Effect {
        channel: "naver-blog",
        our_id: between(&description, "<!--", "-->")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        remote_id: id.to_string(),
        at: world.now,
        content: json!({"title": title, "description": description}),
    });
    world.known.naver_blog.push(Post { id, title, description });
    value(&format!("<string>{id}</string>"))
}

fn recent(world: &World, base_url: &str) -> Outgoing {
    let mut list = String::from("<array><data>");
    for post in world.known.naver_blog.iter().rev().take(10) {
        let link = format!("{base_url}/naver-blog/{}", post.id);
        let members = [
            ("postid", post.id.to_string()),
            ("title", escaped(&post.title)),
            ("description", escaped(&post.description)),
            ("link", link.clone()),
            ("permaLink", link),
        ];
        list.push_str("<value><struct>");
        for (name, text) in members {
            // Writing to a string can't fail.
            _ = write!(
                list,
                "<member><name>{name}</name><value><string>{text}</string></value></member>"
            );
        }
        list.push_str("</struct></value>");
    }
    list.push_str("</data></array>");
    value(&list)
}

fn value(inner: &str) -> Outgoing {
    let text = format!(
        "<?xml version=\"1.0\"?><methodResponse><params><param><value>{inner}</value></param></params></methodResponse>"
    );
    Outgoing::text(200, "text/xml", text)
}

fn fault(code: i64, words: &str) -> Outgoing {
    let text = format!(
        "<?xml version=\"1.0\"?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>{code}\
         </int></value></member><member><name>faultString</name><value><string>{}</string></value></member></struct>\
         </value></fault></methodResponse>",
        escaped(words)
    );
    Outgoing::text(200, "text/xml", text)
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    text.split_once(begin)?.1.split_once(end).map(|(inner, _)| inner)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
