//! What the demo says.

use serde_json::{Value, json};

use super::announce::Announced;
use super::{Args, Example};
use crate::commands::answer::text;
use crate::commands::failure::Failure;
use crate::commands::results;
use crate::commands::screen::{Screen, Tone, millis};
use crate::commands::serve::READY;
use crate::commands::simulated::Service;

pub(super) fn greeting(screen: Screen, service: &Service) -> Result<(), Failure> {
    screen.say(format!("{READY}{}", screen.paint(Tone::Strong, &service.url)))?;
    if service.moved {
        screen.say(screen.paint(Tone::Faint, "(port 8080 is taken; this is the next free one)"))?;
    }
    let place = service.data_dir.display();
    let kept = if service.is_temporary() {
        "removed at the end"
    } else {
        "kept"
    };
    screen.say(screen.paint(Tone::Faint, format!("data in {place}, {kept}")))?;
    screen.say(screen.paint(
        Tone::Mind,
        "Instagram and 우리동네TV are called over HTTP, at a simulator in this process; the other four are mocked. No \
         call leaves this machine. The rest is real.",
    ))?;
    let page = format!(
        "what comes to be at the simulated channels: {}/",
        service.simulator_url()
    );
    screen.say(screen.paint(Tone::Faint, page))
}

pub(super) fn title(screen: Screen, example: &Example, place: usize, of: usize) -> Result<(), Failure> {
    let request: Value = serde_json::from_str(example.body).unwrap_or_default();
    let title = text(&request["content"]["title"]);
    let (place, file) = (
        screen.paint(Tone::Faint, format!("{place}/{of}")),
        screen.paint(Tone::Faint, example.file),
    );
    screen.say(format!("\n{place}  {}\n     {file}", screen.paint(Tone::Strong, title)))
}

pub(super) fn outcome(screen: Screen, announced: &Announced) -> Result<(), Failure> {
    let answer = &announced.answer;
    let status = screen.paint(Tone::of_status(&answer.status), &answer.status);
    let after = millis(announced.elapsed);
    screen.say(format!(
        "\n  {status}  answered {} after {after}",
        announced.http_status
    ))?;
    if announced.replayed {
        screen.say(screen.paint(
            Tone::Mind,
            "  This event was announced before: the same answer again, nothing is sent twice.",
        ))?;
    }
    screen.say(results::table(screen, answer))?;
    let faint = |text: &str| screen.paint(Tone::Faint, text);
    screen.say(format!("  {}  {}", faint("distribution"), answer.distribution_id))?;
    match &announced.event {
        Some(event) => screen.say(format!(
            "  {}         #{} {} version {}\n                {}",
            faint("event"),
            text(&event["position"]),
            text(&event["type"]),
            text(&event["data"]["version"]),
            faint(&format!("id {}", text(&event["id"]))),
        ))?,
        None => screen.say(format!("  {}         none published", faint("event")))?,
    }
    let (cached, x_cache) = &announced.cached;
    screen.say(format!(
        "  {}        {cached} {}",
        faint("status"),
        faint(&format!("(x-cache: {x_cache})"))
    ))
}

pub(super) fn next_steps(
    screen: Screen,
    service: &Service,
    args: &Args,
    announced: &[Announced],
) -> Result<(), Failure> {
    screen.say(summary(screen, announced))?;
    let effects = format!(
        "{} posts and bookings came to be at the simulated channels",
        service.effects().len()
    );
    let effects = match service.faults() {
        0 => effects,
        faults => format!("{effects}; {faults} of the calls to them went wrong on the way"),
    };
    screen.say(screen.paint(Tone::Faint, effects))?;
    if args.once && service.is_temporary() {
        return screen.say(screen.paint(Tone::Faint, "Without --once the service stays up for you to try it."));
    }
    if !args.once {
        screen.say(format!(
            "\n{}",
            screen.paint(Tone::Strong, "Try next, in another terminal:")
        ))?;
        screen.say(requests(&service.url, announced))?;
    }
    screen.say(rows(service))?;
    if args.once {
        return Ok(());
    }
    screen.say(format!(
        "\n  {}  {}/",
        screen.paint(Tone::Faint, "the posts as people see them:"),
        service.simulator_url()
    ))?;
    screen.say(format!(
        "  {}  {}/docs",
        screen.paint(Tone::Faint, "the API's documentation:"),
        service.url
    ))?;
    screen.say(format!(
        "\n{}",
        screen.paint(Tone::Strong, "The service stays up until Ctrl-C.")
    ))
}

fn summary(screen: Screen, announced: &[Announced]) -> String {
    let channels: usize = announced.iter().map(|one| one.answer.rows.len()).sum();
    let succeeded: usize = announced.iter().map(|one| one.answer.succeeded()).sum();
    let tone = if succeeded == channels { Tone::Good } else { Tone::Bad };
    let said = format!(
        "\n{} events announced: {succeeded} of {channels} deliveries SUCCESS",
        announced.len()
    );
    screen.paint(tone, said)
}

fn requests(url: &str, announced: &[Announced]) -> String {
    let event = announced.first().map_or("spring", |one| one.answer.event_id.as_str());
    format!(
        "  # the bare request: three fields, nothing configured
  curl {url}/api/distribution/distribute \\
    -H 'content-type: application/json' -d '{{
      \"eventId\": \"my-first\",
      \"channels\": [\"Instagram\", \"NaverBlog\", \"KakaoChannel\"],
      \"contentUrls\": {{\"imageUrl\": \"https://cdn.example.com/flyer.jpg\"}}}}'
  # how an event stands; what was published
  curl -i {url}/api/distribution/{event}/status
  fanfare --url {url} events tail"
    )
}

fn rows(service: &Service) -> String {
    let file = service.data_dir.join(fanfare_ledger::DATABASE_FILE);
    format!(
        "  # the rows
  sqlite3 -box {} \\
    'select event_id, channel, status, mode from distribution_channel_logs'",
        file.display()
    )
}

/// All of it for programs.
pub(super) fn json(service: &Service, announced: &[Announced]) -> Value {
    let one = |one: &Announced| {
        let (status, x_cache) = &one.cached;
        json!({
            "file": one.file,
            "httpStatus": one.http_status,
            "replayed": one.replayed,
            "elapsedMs": one.elapsed.as_secs_f64() * 1_000.0,
            "answer": one.json,
            "event": one.event.as_ref().map(|event| json!({
                "position": event["position"], "id": event["id"], "type": event["type"],
                "version": event["data"]["version"],
            })),
            "cached": { "status": status, "xCache": x_cache },
        })
    };
    json!({
        "url": service.url,
        "simulator": { "url": service.simulator_url(), "effects": service.effects().len(), "faults": service.faults() },
        "database": service.data_dir.join(fanfare_ledger::DATABASE_FILE),
        "temporary": service.is_temporary(),
        "examples": announced.iter().map(one).collect::<Vec<_>>(),
    })
}
