//! `docs/failures.md` is made from the table of causes: this says whether it is
//! current. With `FANFARE_WRITE_DOCS=1` it is written anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use fanfare_core::cause::{ALL, Actor, Cause};
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::result::told;
use fanfare_core::text::Text;

const HEAD: &str = "\
# Failures

Why a delivery did not succeed, or is held back: the `code` of a result, who must act (`whoActs`), whether sending the
same again can help (`retryable`), and what people are told. The channel's own words stand beside it, in
`GET /api/distributions/{id}/attempts`. Codes may be added; none changes its meaning.

`whoActs` follows the status, too: what is in `NEEDS_REVIEW` is the operator's, what is in `ACTION_REQUIRED` the owner's,
and what went on by itself until it was `FAILED` is the caller's to retry, and its words say so. *Counts* says whether the channel's circuit
breaker counts it as a failure of the channel.

Made from `crates/core/src/cause.rs` by `FANFARE_WRITE_DOCS=1 cargo test -p fanfare-core --test failures`.

| code | who acts | retryable | counts | what people are told |
|---|---|---|---|---|
";

fn rendered() -> String {
    let mut text = HEAD.to_owned();
    let word = |yes| if yes { "yes" } else { "no" };
    for cause in ALL {
        let (actor, retryable, counts) = (cause.actor.name(), word(cause.retryable), word(cause.availability));
        let (code, en, ko) = (cause.code, cause.en, cause.ko);
        writeln!(text, "| `{code}` | {actor} | {retryable} | {counts} | {en}<br>{ko} |").expect("a string takes it");
    }
    text
}

#[test]
fn the_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/failures.md");
    if std::env::var_os("FANFARE_WRITE_DOCS").is_some() {
        std::fs::write(&path, rendered()).expect("docs/failures.md can be written");
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stands == rendered(),
        "docs/failures.md is not current: FANFARE_WRITE_DOCS=1 cargo test -p fanfare-core --test failures"
    );
}

#[test]
fn each_cause_has_one_code_and_speaks_both_languages() {
    let codes: BTreeSet<_> = ALL.iter().map(|cause| cause.code).collect();
    assert_eq!(codes.len(), ALL.len());
    for cause in ALL {
        assert_eq!(Cause::of(cause.code), Some(cause));
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(cause.code.chars().all(is_word), "{}", cause.code);
        let korean = |c: char| ('가'..='힣').contains(&c);
        assert!(
            cause.ko.chars().any(korean) && !cause.en.chars().any(korean),
            "{}",
            cause.code
        );
        assert!(cause.en.ends_with('.') && cause.ko.ends_with('.'), "{}", cause.code);
    }
    assert_eq!(Cause::of("never_heard_of"), None);
}

/// Nobody waits for what does not come any more.
#[test]
fn what_has_failed_is_not_said_to_go_on() {
    for cause in ALL
        .iter()
        .filter(|cause| cause.actor_at(DeliveryStatus::Failed) != cause.actor)
    {
        let failure = cause.failure();
        let words = told(&failure, DeliveryStatus::Failed);
        let goes_on = [
            "by itself as",
            "by itself when",
            "by itself in",
            "It goes on",
            "tried again by itself",
        ];
        assert!(!goes_on.iter().any(|part| words.en.contains(part)), "{words:?}");
        for part in ["자동으로 다시", "자동으로 이어"] {
            assert!(!words.ko.contains(part), "{words:?}");
        }
        assert!(
            words.en.contains("Retry it") && words.ko.contains("재시도"),
            "{words:?}"
        );
        assert_eq!(told(&failure, DeliveryStatus::Retrying), cause.text());
    }
    let own = Cause::of("channel_unavailable")
        .expect("it is there")
        .because(Text::new("Own.", "그대로."));
    assert_eq!(told(&own, DeliveryStatus::Failed), own.detail);
    let unavailable = Cause::of("channel_unavailable").expect("it is there").failure();
    assert_eq!(
        told(&unavailable, DeliveryStatus::Failed).en,
        "The channel could not be reached or is out of order. Its attempts, or the time for them, are used up: nothing \
         more happens by itself. Retry it if it is still wanted."
    );
}

#[test]
fn who_acts_follows_the_status() {
    let unavailable = Cause::of("channel_unavailable").expect("it is there");
    for (status, actor) in [
        (DeliveryStatus::Retrying, Actor::Nobody),
        (DeliveryStatus::Failed, Actor::Caller),
        (DeliveryStatus::NeedsReview, Actor::Operator),
        (DeliveryStatus::ActionRequired, Actor::Owner),
    ] {
        assert_eq!(unavailable.actor_at(status), actor, "{status:?}");
    }
    let taken_over = Cause::of("taken_over").expect("it is there");
    assert_eq!(taken_over.actor_at(DeliveryStatus::Failed), Actor::Nobody);
}
