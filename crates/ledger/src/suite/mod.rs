//! What must be true of every store, as checks to run against one.
//!
//! [`store_suite!`](crate::store_suite) makes a test of each. A check gets an
//! empty store and panics, saying what is wrong. What only one store can do
//! (files, locks, full disks) is tested beside that store.

#![expect(clippy::missing_panics_doc, reason = "panicking is how a check fails")]
#![expect(clippy::unwrap_used, reason = "a check stops where it cannot go on")]

pub mod accept;
pub mod adopt;
pub mod api_keys;
pub mod breaker_orders;
pub mod claims;
pub mod credentials;
pub mod delete;
pub mod failed;
pub mod journal;
pub mod list;
pub mod notices;
pub mod open_work;
pub mod outbox;
pub mod record;
pub mod sending_orders;
pub mod spending;

use fanfare_core::channel::Channel;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{DistributionId, IdempotencyKey, Incarnation, TenantId};
use fanfare_core::request::CanonicalRequest;
use fanfare_core::write::{Acceptance, Record, Write, Written};
use jiff::{SignedDuration, Timestamp};

use crate::sample;
use crate::store::Store;

/// Makes a test of every check. Takes a function, `async` if it says so, that
/// gives an empty store, and something to keep as long as it is used.
#[macro_export]
macro_rules! store_suite {
    (async $open:path) => {
        $crate::store_suite! { @checks $open().await }
    };
    ($open:path) => {
        $crate::store_suite! { @checks $open() }
    };
    (@checks $open:expr) => {
        $crate::store_suite! { @tests $open;
            accept::what_was_accepted_reads_back_whole,
            accept::an_acceptance_given_again_is_recognised,
            accept::the_same_key_and_body_are_answered_with_the_first,
            accept::the_same_key_for_another_body_is_refused,
            accept::a_key_is_known_for_a_day,
            accept::what_a_key_stands_for_can_be_read,
            accept::old_keys_are_forgotten,
            accept::a_key_belongs_to_its_tenant,
            claims::the_same_body_is_answered_with_the_holder,
            claims::another_body_is_told_who_holds_what,
            claims::a_refused_write_does_not_disturb_its_batch,
            claims::what_is_not_to_be_accepted_is_only_found_out,
            claims::allow_repeat_takes_the_claim_over,
            claims::what_lost_its_claim_does_not_begin,
            claims::what_loses_its_claim_in_the_same_batch_does_not_begin,
            claims::a_failure_releases_the_claim,
            claims::a_redrive_takes_the_claim_again,
            claims::a_redrive_is_refused_where_another_holds_the_claim,
            claims::a_claim_belongs_to_its_tenant,
            record::a_record_changes_what_it_names,
            record::a_record_is_refused_unless_it_follows,
            record::a_record_given_again_is_recognised,
            record::what_belongs_to_nobody_is_not_changed,
            record::the_history_has_no_gap,
            record::evidence_is_kept_whoever_heard_it,
            record::attempts_are_in_the_order_of_the_request,
            journal::an_outcome_is_published_with_its_record,
            journal::an_old_version_keeps_what_it_said,
            journal::a_version_at_rest_is_frozen_once,
            journal::the_journal_is_read_from_a_position,
            journal::a_tenant_sees_only_its_own,
            list::lists_hold_what_the_filter_says,
            list::the_newest_of_an_event_comes_with_the_others,
            open_work::what_stands_open_is_counted,
            adopt::each_life_outranks_the_earlier_ones,
            adopt::due_work_of_earlier_lives_is_adopted_oldest_first,
            adopt::adoption_fences_the_former_owner,
            adopt::one_is_adopted_wherever_it_stands,
            adopt::own_work_that_is_due_can_be_looked_for,
            adopt::a_life_that_renews_goes_on,
            adopt::histories_can_be_followed,
            adopt::a_store_says_that_it_can_be_written,
            delete::closed_ones_are_deleted_whole,
            delete::what_is_unpublished_can_stay,
            outbox::what_is_published_is_relayed_until_it_is_marked,
            outbox::an_old_version_is_relayed_as_it_was,
            outbox::the_two_marks_are_apart,
            outbox::entries_are_read_by_partition_and_position,
            outbox::refusals_are_counted_and_a_dead_letter_is_left_out,
            outbox::what_is_replayed_is_published_again_under_its_id,
            outbox::a_replay_keeps_its_conditions,
            outbox::the_backlog_is_counted,
            outbox::lives_share_the_partitions,
            outbox::what_is_published_can_be_deleted,
            failed::what_failed_is_found_as_the_filter_says,
            failed::what_bears_on_sending_it_again_is_said,
            failed::a_tenant_finds_only_its_own,
            api_keys::a_key_is_found_by_its_hash_alone,
            api_keys::keys_are_listed_oldest_first,
            api_keys::a_key_is_revoked_once_and_for_ever,
            api_keys::a_tenant_revokes_only_its_own,
            api_keys::a_hash_is_kept_once,
            breaker_orders::the_last_order_of_a_channel_holds,
            credentials::of_two_who_change_a_credential_one_is_refused,
            credentials::who_renews_a_credential_does_not_replace_one_that_came_anew,
            credentials::a_credential_is_its_tenant_s_and_channel_s,
            notices::a_record_tells_whom_it_concerns_once,
            notices::what_is_refused_is_not_told,
            notices::what_was_told_is_not_due_any_more,
            notices::what_is_noted_late_changes_nothing,
            notices::what_waits_is_told_when_its_endpoint_begins_anew,
            notices::endpoints_are_those_that_are_configured,
            notices::an_endpoint_is_held_by_one_life,
            notices::an_alarm_is_told_once,
            notices::old_notices_are_forgotten,
            sending_orders::the_last_order_of_a_scope_holds,
            spending::nothing_goes_beyond_a_cap,
            spending::a_batch_goes_no_further_than_its_writes_one_by_one,
            spending::what_fails_gives_back_and_what_is_redriven_takes_again,
            spending::a_cap_changes_no_other_answer,
            spending::what_is_deleted_counts_no_more,
            spending::a_month_ends_at_midnight_in_korea,
        }
    };
    (@tests $open:expr; $($module:ident::$check:ident,)*) => {
        $(
            #[tokio::test]
            async fn $check() {
                let (store, _keep) = $open;
                $crate::suite::$module::$check(&*store).await;
            }
        )*
    };
}

/// So many seconds after ten o'clock.
fn at(seconds: i64) -> Timestamp {
    let ten: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    ten + SignedDuration::from_secs(seconds)
}

/// An acceptance of these channels, at that second, in the token's life.
fn asked(number: u64, event: &str, channels: &[Channel], second: i64, token: Incarnation) -> Acceptance {
    sample::acceptance(number, sample::request(event, channels), at(second), token)
}

/// The same with something else in its body.
fn asking(mut acceptance: Acceptance, change: impl FnOnce(&mut CanonicalRequest)) -> Acceptance {
    let mut request = CanonicalRequest::clone(&acceptance.distribution.request);
    change(&mut request);
    acceptance.distribution.request = std::sync::Arc::new(CanonicalRequest::new(request.request));
    acceptance
}

fn with_title(acceptance: Acceptance, title: &str) -> Acceptance {
    asking(acceptance, |request| {
        request.request.content.title = Some(title.to_owned());
    })
}

fn with_key(mut acceptance: Acceptance, key: &str) -> Acceptance {
    acceptance.idempotency_key = Some(IdempotencyKey::new(key));
    acceptance
}

fn of_tenant(mut acceptance: Acceptance, tenant: &str) -> Acceptance {
    acceptance.distribution.tenant = TenantId::new(tenant);
    acceptance
}

fn accept(acceptance: &Acceptance) -> Write {
    Write::Accept(Box::new(acceptance.clone()))
}

fn change(record: &Record) -> Write {
    Write::Record(Box::new(record.clone()))
}

async fn write(store: &dyn Store, write: Write) -> Written {
    let mut answers = store.commit(vec![write]).await.unwrap();
    assert_eq!(answers.len(), 1, "one write, one answer");
    answers.remove(0)
}

/// Accepts it, and gives what the store must then hold.
async fn accepted(store: &dyn Store, acceptance: &Acceptance) -> Distribution {
    let answer = write(store, accept(acceptance)).await;
    assert!(matches!(answer, Written::Accepted { .. }), "{answer:?}");
    acceptance.distribution.clone()
}

async fn recorded(store: &dyn Store, record: &Record) {
    assert_eq!(write(store, change(record)).await, Written::Recorded);
}

async fn stored(store: &dyn Store, distribution: &Distribution) -> Distribution {
    let found = store.distribution(&distribution.tenant, distribution.id).await;
    found.unwrap().expect("it was accepted")
}

async fn life(store: &dyn Store) -> Incarnation {
    store.begin_incarnation(at(0)).await.unwrap()
}

/// That life is over: where several live at once, it must be ended.
async fn end(store: &dyn Store, token: Incarnation) {
    store.end_incarnation(token).await.unwrap();
}

fn replayed(existing: DistributionId) -> Written {
    Written::Replayed { existing }
}
