//! What a person sees: the effects as posts, bookings and messages.

use serde_json::Value;

use crate::exchange::Outgoing;
use crate::server::Shared;
use crate::world::Effect;

const STYLE: &str = "body{font-family:system-ui,sans-serif;margin:2rem auto;max-width:60rem;background:#f6f7f9;color:#222}\
    .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem}\
    article{background:#fff;border:1px solid #dde;border-radius:.6rem;padding:1rem;overflow-wrap:anywhere}\
    article h2{margin:0 0 .4rem;font-size:1rem}pre{white-space:pre-wrap;font:inherit}small{color:#667}\
    code{background:#eef;padding:.1rem .3rem;border-radius:.3rem}";

/// All that came to be, newest first.
pub(crate) fn index(shared: &Shared) -> Outgoing {
    let world = shared.world();
    let cards: String = world.known.effects.iter().rev().take(200).map(card).collect();
    let none = "<p>Nothing came to be yet. 아직 게시된 것이 없습니다.</p>";
    let cards = if cards.is_empty() { none.to_owned() } else { cards };
    page(&format!(
        "<h1>Simulated channels · 모의 채널</h1>\
         <p>{} effects. As data: <code>GET /_simulator/effects</code>, <code>/_simulator/requests</code>, \
         <code>/_simulator/faults</code>. This is no real channel.</p><div class=cards>{cards}</div>",
        world.known.effects.len()
    ))
}

/// One post, under its permalink.
pub(crate) fn post(effects: &[Effect], channel: &str, id: &str) -> Outgoing {
    let found = effects
        .iter()
        .find(|effect| effect.channel == channel && effect.remote_id == id);
    found.map_or_else(Outgoing::not_found, |effect| page(&card(effect)))
}

fn page(inner: &str) -> Outgoing {
    let text = format!(
        "<!doctype html><html lang=ko><meta charset=utf-8><title>Simulated channels</title><style>{STYLE}</style>{inner}"
    );
    Outgoing::text(200, "text/html; charset=utf-8", text).with(
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; img-src http: https:; media-src http: https:",
    )
}

fn card(effect: &Effect) -> String {
    let name = match effect.channel {
        "instagram" => "인스타그램 · Instagram",
        "wooridongne-tv" => "우리동네TV",
        "ringo-biz" => "링고비즈",
        "genie-tv" => "지니TV",
        "kakao-channel" => "카카오톡 채널 · Kakao Channel",
        "naver-blog" => "블로그 · Blog",
        other => other,
    };
    let carousel = effect.content["imageUrls"].as_array().into_iter().flatten();
    let images = effect.content.get("imageUrl").into_iter().chain(carousel);
    let images = images.filter_map(Value::as_str);
    let images = images.map(|url| format!("<img alt=\"\" width=240 src=\"{}\">", escaped(url)));
    let film = effect.content["videoUrl"].as_str();
    let film = film.map(|url| format!("<video controls width=240 src=\"{}\"></video>", escaped(url)));
    let shown: String = images.chain(film).collect();
    let withdrawn = effect.withdrawn_at.map_or_else(String::new, |at| {
        format!("<p><strong>Withdrawn · 내려짐</strong> <small>{at}</small></p>")
    });
    format!(
        "<article><h2>{}</h2>{withdrawn}{shown}<pre>{}</pre><small>{} · {}</small></article>",
        escaped(name),
        escaped(&words(&effect.content)),
        escaped(&effect.remote_id),
        effect.at
    )
}

/// The text, where it has one; else all of it, a line a field.
fn words(content: &Value) -> String {
    for field in ["caption", "content", "description"] {
        if let Some(text) = content[field].as_str() {
            return text.to_owned();
        }
    }
    let fields = content.as_object().into_iter().flatten();
    let lines: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
    lines.join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
