//! A blog that speaks `MetaWeblog`, as `WordPress` does, and beside it what is
//! left of Naver Blog: a public feed, and an editor that only people use.
//!
//! Naver's own endpoint is closed since 2020. Refusals are XML-RPC faults with
//! status 200. A post may be made twice: nothing here knows a repeat. The feed
//! lags a minute behind.

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use quick_xml::escape::escape;
use serde_json::json;

use super::{Served, is_good, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::page;
use crate::world::{Effect, World};
use crate::xml_rpc::{self, Call, Value};

/// A feed shows a post after this time.
const FEED_LAG: SignedDuration = SignedDuration::from_mins(1);

/// Posts in a feed.
const FEED_MOST: usize = 50;

pub(crate) const SERVED: Served = Served {
    name: "naver-blog",
    steps: &["post", "media", "lookup", "delete", "other", "feed", "write", "page"],
    step,
    handle,
    throttled: too_many_requests,
};

/// Newest last.
pub(crate) type Blogs = Vec<Post>;

pub(crate) struct Post {
    id: u64,
    blog: String,
    slug: String,
    title: String,
    description: String,
    published: bool,
    at: Timestamp,
}

fn step(incoming: &Incoming) -> Option<&'static str> {
    match (&incoming.method, &incoming.parts()[..]) {
        (&Method::POST, ["xmlrpc"]) => Some(match method_of(incoming).as_str() {
            "metaWeblog.newPost" => "post",
            "metaWeblog.newMediaObject" => "media",
            "metaWeblog.getRecentPosts" | "metaWeblog.getPost" => "lookup",
            "blogger.deletePost" | "metaWeblog.deletePost" => "delete",
            _ => "other",
        }),
        (&Method::POST, [_, "write"]) => Some("write"),
        (&Method::GET, [file]) if file.strip_suffix(".xml").is_some() => Some("feed"),
        (&Method::GET, [_, number]) if number.bytes().all(|byte| byte.is_ascii_digit()) => Some("page"),
        _ => None,
    }
}

fn method_of(incoming: &Incoming) -> String {
    Call::read(&incoming.body).map(|call| call.method).unwrap_or_default()
}

fn handle(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Outgoing {
    match (step(incoming), &incoming.parts()[..]) {
        (Some("feed"), [file]) => feed(world, file.trim_end_matches(".xml")),
        (Some("write"), [blog, _]) => write(world, blog, incoming),
        (Some("page"), [_, number]) => page::post(&world.known.effects, "naver-blog", number),
        _ => match fault {
            Some(Fault::XmlRpc { code, perform }) => {
                if *perform {
                    answered(world, incoming);
                }
                xml_rpc::fault(*code, "as the scenario says")
            }
            _ => answered(world, incoming),
        },
    }
}

fn answered(world: &mut World, incoming: &Incoming) -> Outgoing {
    match Call::read(&incoming.body) {
        Some(call) => called(world, &call, &incoming.base_url),
        None => xml_rpc::fault(-32_700, "parse error. not well formed"),
    }
}

fn called(world: &mut World, call: &Call, base_url: &str) -> Outgoing {
    // Blogger's methods have an application's key before all else.
    let (first, least) = match call.method.as_str() {
        "metaWeblog.newPost" | "metaWeblog.newMediaObject" => (0, 4),
        "metaWeblog.getRecentPosts" | "metaWeblog.getPost" | "blogger.getUsersBlogs" => (0, 3),
        "blogger.deletePost" | "metaWeblog.deletePost" => (1, 4),
        _ => {
            return xml_rpc::fault(
                -32_601,
                &format!("server error. requested method {} does not exist.", call.method),
            );
        }
    };
    if call.params.len() < least {
        return xml_rpc::fault(400, "Insufficient arguments passed to this XML-RPC method.");
    }
    if call.text(first + 1).is_empty() || !is_good(Some(call.text(first + 2))) {
        return xml_rpc::fault(403, "Incorrect username or password.");
    }
    match call.method.as_str() {
        "metaWeblog.newPost" => new_post(world, call),
        "metaWeblog.newMediaObject" => new_media(world, call, base_url),
        "metaWeblog.getRecentPosts" => recent(world, call, base_url),
        "metaWeblog.getPost" => match find(world, call.text(0)) {
            Some(post) => xml_rpc::answer(&shown(post, base_url)),
            None => xml_rpc::fault(404, "Invalid post ID."),
        },
        "blogger.getUsersBlogs" => {
            let blog = [
                ("blogid", xml_rpc::string(call.text(1))),
                ("blogName", xml_rpc::string("blog")),
            ];
            xml_rpc::answer(&xml_rpc::list(&[xml_rpc::structure(&blog)]))
        }
        _ => delete(world, call.text(1)),
    }
}

fn new_post(world: &mut World, call: &Call) -> Outgoing {
    let member = |name: &str| {
        call.params[3]
            .member(name)
            .map(Value::text)
            .unwrap_or_default()
            .to_owned()
    };
    let (title, description) = (member("title"), member("description"));
    if title.is_empty() && description.is_empty() {
        return xml_rpc::fault(500, "Content, title, and excerpt are empty.");
    }
    let id = world.known.number();
    let post = Post {
        id,
        blog: call.text(0).to_owned(),
        slug: free_slug(world, member("wp_slug")),
        title,
        description,
        published: call.params.get(4) == Some(&Value::Flag(true)),
        at: world.now,
    };
    came_to_be(world, post);
    xml_rpc::answer(&xml_rpc::string(&id.to_string()))
}

/// Two posts can't have one slug: the later one's gets a number.
fn free_slug(world: &World, wanted: String) -> String {
    let is_taken = |slug: &str| world.known.naver_blog.iter().any(|post| post.slug == slug);
    if wanted.is_empty() || !is_taken(&wanted) {
        return wanted;
    }
    let mut numbered = (2..).map(|number| format!("{wanted}-{number}"));
    numbered.find(|slug| !is_taken(slug)).unwrap_or_default()
}

fn came_to_be(world: &mut World, post: Post) {
    if post.published {
        world.known.effects.push(Effect {
            withdrawn_at: None,
            channel: "naver-blog",
            account: post.blog.clone(),
            our_id: post.slug.clone(),
            remote_id: post.id.to_string(),
            at: post.at,
            content: json!({"title": post.title, "description": post.description}),
        });
    }
    world.known.naver_blog.push(post);
}

fn new_media(world: &mut World, call: &Call, base_url: &str) -> Outgoing {
    let object = &call.params[3];
    let name = object.member("name").map(Value::text).unwrap_or_default();
    let is_file = matches!(object.member("bits"), Some(Value::Bytes(bits)) if !bits.is_empty());
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    if !is_file || !["jpg", "jpeg", "png", "gif", "webp"].contains(&ending) {
        return xml_rpc::fault(500, &format!("Could not write file {name}."));
    }
    let url = format!("{base_url}/media/{}.jpg", world.known.number());
    let members = [
        ("file", xml_rpc::string(name)),
        ("url", xml_rpc::string(&url)),
        ("type", xml_rpc::string("image/jpeg")),
    ];
    xml_rpc::answer(&xml_rpc::structure(&members))
}

fn recent(world: &World, call: &Call, base_url: &str) -> Outgoing {
    let count = call.text(3).trim().parse().unwrap_or(10);
    let first = first_post(call.text(0));
    let newest = world.known.naver_blog.iter().rev().chain([&first]).take(count);
    let shown: Vec<_> = newest.map(|post| shown(post, base_url)).collect();
    xml_rpc::answer(&xml_rpc::list(&shown))
}

/// What a new blog comes with.
fn first_post(blog: &str) -> Post {
    Post {
        id: 0,
        blog: blog.to_owned(),
        slug: "hello-world".to_owned(),
        title: "Hello world!".to_owned(),
        description: "Welcome.".to_owned(),
        published: true,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn shown(post: &Post, base_url: &str) -> String {
    let link = format!("{base_url}/naver-blog/{}/{}", post.blog, post.id);
    // In the blog's own time, which is Korea's, without saying so.
    let local = post.at.saturating_add(SignedDuration::from_hours(9)).unwrap_or(post.at);
    let time = |at: Timestamp| {
        format!(
            "<value><dateTime.iso8601>{}</dateTime.iso8601></value>",
            at.strftime("%Y%m%dT%H:%M:%S")
        )
    };
    xml_rpc::structure(&[
        ("dateCreated", time(local)),
        ("userid", xml_rpc::string("1")),
        ("postid", xml_rpc::string(&post.id.to_string())),
        ("description", xml_rpc::string(&post.description)),
        ("title", xml_rpc::string(&post.title)),
        ("link", xml_rpc::string(&link)),
        ("permaLink", xml_rpc::string(&link)),
        ("wp_slug", xml_rpc::string(&post.slug)),
    ])
}

fn find<'w>(world: &'w World, id: &str) -> Option<&'w Post> {
    let id = id.trim().parse::<u64>().ok()?;
    world.known.naver_blog.iter().find(|post| post.id == id)
}

fn delete(world: &mut World, id: &str) -> Outgoing {
    let Some(id) = find(world, id).map(|post| post.id) else {
        return xml_rpc::fault(404, "Sorry, no such post.");
    };
    let (known, now) = (&mut world.known, world.now);
    known.naver_blog.retain(|post| post.id != id);
    known.withdraw("naver-blog", |effect| effect.remote_id == id.to_string(), now);
    xml_rpc::answer("<value><boolean>1</boolean></value>")
}

/// What a person does in Naver's editor, here by a form with `title` and
/// `text`; it is no API of Naver's. Answers the post's address.
fn write(world: &mut World, blog: &str, incoming: &Incoming) -> Outgoing {
    let id = world.known.number();
    let post = Post {
        id,
        blog: blog.to_owned(),
        slug: String::new(),
        title: incoming.parameter("title").unwrap_or_default(),
        description: incoming.parameter("text").unwrap_or_default(),
        published: true,
        at: world.now,
    };
    came_to_be(world, post);
    Outgoing::json(201, &json!({"url": format!("https://blog.naver.com/{blog}/{id}")}))
}

/// `https://rss.blog.naver.com/{blog}.xml`.
fn feed(world: &World, blog: &str) -> Outgoing {
    let shows = |post: &&Post| post.blog == blog && post.published && world.now.duration_since(post.at) >= FEED_LAG;
    let item = |post: &Post| {
        let address = format!("https://blog.naver.com/{blog}/{}", post.id);
        format!(
            "<item><title><![CDATA[{}]]></title><link><![CDATA[{address}?fromRss=true&trackingCode=rss]]></link>\
             <guid>{address}</guid><pubDate>{}</pubDate></item>",
            post.title.replace("]]>", ""),
            post.at.strftime("%a, %d %b %Y %H:%M:%S +0000")
        )
    };
    let newest = world.known.naver_blog.iter().rev().filter(shows).take(FEED_MOST);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><title>{blog}</title>\
         <link>https://blog.naver.com/{blog}</link>{items}</channel></rss>",
        blog = escape(blog),
        items = newest.map(item).collect::<String>()
    );
    Outgoing::text(200, "text/xml; charset=UTF-8", text)
}
