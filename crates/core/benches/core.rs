//! How long the pure parts take: an engine step, the checks of a request, and
//! reading it. `cargo bench -p fanfare-core`.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use fanfare_core::attempt::{Dedup, Protocol, StepOutcome};
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::decode::decode;
use fanfare_core::engine::{ChannelSettings, Command, Engine, Input, NewDistribution, Settings};
use fanfare_core::ids::{DistributionId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::CanonicalRequest;
use fanfare_core::resilience::breaker::{BreakerSettings, CallResult, CircuitBreaker};
use fanfare_core::resilience::budget::RetryBudget;
use fanfare_core::resilience::rate_limiter::{RateLimit, RateLimiter};
use fanfare_core::resilience::retry::RetryPolicy;
use fanfare_core::validate::{AdmitSettings, admit};
use fanfare_core::write::{Write, Written};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Accounts of tenants that are known at a channel; the engine remembers some more.
const ACCOUNTS: usize = 1_000;

fn body() -> Value {
    json!({
        "eventId": "evt-1",
        "channels": ["WooridongneTV", "RingoBiz", "GenieTV", "Instagram", "NaverBlog", "KakaoChannel"],
        "contentUrls": { "imageUrl": "https://media.example.com/a.jpg", "audioUrl": "https://media.example.com/a.wav" },
        "content": { "title": "봄맞이 할인", "body": "딸기 라떼를 20% 할인합니다.", "hashtags": ["봄", "카페"] }
    })
}

fn settings() -> AdmitSettings {
    AdmitSettings {
        modes: [Mode::Mock; Channel::ALL.len()],
        ..AdmitSettings::default()
    }
}

fn engine() -> Engine {
    let protocol = Protocol {
        first_step_has_effect: true,
        dedup: Dedup::Key { window: Duration::MAX },
        observed_at: &[],
    };
    let retry = RetryPolicy::default();
    let channels = [ChannelSettings {
        concurrency: usize::MAX,
        rate_limit: None,
        protocol,
        accounts_apart: false,
    }; Channel::ALL.len()];
    Engine::new(
        Settings {
            channels,
            retry,
            look_up: retry,
            call_deadline: Duration::from_secs(10),
            breaker: BreakerSettings::default(),
            heartbeat: Duration::from_secs(5),
            max_in_flight: usize::MAX,
            max_backlog: Duration::from_secs(20),
            spend_caps: fanfare_core::spend::SpendCaps::default(),
        },
        Incarnation(1),
    )
}

/// Of a tenant with an account of its own, called live.
fn new_live(tenant: &str) -> NewDistribution {
    NewDistribution {
        tenant: TenantId::new(tenant),
        modes: [Mode::Live; Channel::ALL.len()],
        ..new_distribution()
    }
}

fn new_distribution() -> NewDistribution {
    let admitted = admit(&body(), &settings(), NOW).unwrap();
    NewDistribution {
        tenant: TenantId::default(),
        request: CanonicalRequest::new(admitted.request),
        skipped: Vec::new(),
        modes: [Mode::Mock; Channel::ALL.len()],
        idempotency_key: None,
    }
}

/// One distribution of six from its request to its rest: four steps.
fn distribution_to_rest(engine: &mut Engine, new: NewDistribution, rng: &mut StdRng) -> usize {
    let id = DistributionId::new(NOW, rng);
    let mut inputs = vec![Input::Accept { id, new: Box::new(new) }];
    let mut performed = 0;
    while !inputs.is_empty() {
        let commands = engine.step(inputs, NOW, rng);
        performed += commands.len();
        inputs = commands.into_iter().filter_map(answer).collect();
    }
    performed
}

fn answer(command: Command) -> Option<Input> {
    match command {
        Command::Write(Write::Accept(acceptance)) => {
            let written = Written::Accepted { others: Vec::new() };
            Some(Input::Written {
                id: acceptance.distribution.id,
                written,
            })
        }
        Command::Write(Write::Record(record)) => Some(Input::Written {
            id: record.id,
            written: Written::Recorded,
        }),
        Command::Step(call) => {
            let receipt = Receipt {
                state: ChannelState::Live,
                fields: ResultFields::default(),
            };
            Some(Input::Stepped {
                reference: call.reference(),
                outcome: StepOutcome::Confirmed(receipt),
            })
        }
        _ => None,
    }
}

fn benches(criterion: &mut Criterion) {
    let text = body().to_string();
    let mut group = criterion.benchmark_group("core");
    group.measurement_time(Duration::from_secs(3)).sample_size(50);
    group.bench_function("parse the JSON of a request", |bencher| {
        bencher.iter(|| serde_json::from_str::<Value>(black_box(&text)).unwrap());
    });
    let value = body();
    group.bench_function("decode a request", |bencher| {
        bencher.iter(|| decode(black_box(&value), &[], NOW));
    });
    let settings = settings();
    group.bench_function("admit a request (decode and check six channels)", |bencher| {
        bencher.iter(|| admit(black_box(&value), &settings, NOW));
    });
    let (mut engine, mut rng) = (engine(), StdRng::seed_from_u64(1));
    let new = new_distribution();
    group.bench_function("engine: a distribution of six, from request to rest", |bencher| {
        bencher.iter_batched(
            || new.clone(),
            |new| distribution_to_rest(&mut engine, new, &mut rng),
            BatchSize::SmallInput,
        );
    });
    // What an account's breaker costs in the engine is the difference of the two, by six.
    for (whose, tenant) in [
        ("the configured account", "default"),
        ("one of 1,000 own accounts", "shop-500"),
    ] {
        let (mut engine, mut rng) = (self::engine(), StdRng::seed_from_u64(1));
        for number in 0..ACCOUNTS {
            distribution_to_rest(&mut engine, new_live(&format!("shop-{number}")), &mut rng);
        }
        let new = new_live(tenant);
        group.bench_function(format!("engine: a live distribution of six with {whose}"), |bencher| {
            bencher.iter_batched(
                || new.clone(),
                |new| distribution_to_rest(&mut engine, new, &mut rng),
                BatchSize::SmallInput,
            );
        });
    }
    // The engine owns them: tasks that run at once share no lock and no atomic, and
    // what they cost is that their answers come later and in another order.
    for under_way in [1, 64] {
        group.bench_function(
            format!("breaker, quota and retry budget: one call asked for and recorded, {under_way} under way"),
            |bencher| guarded_calls(bencher, under_way),
        );
    }
    group.bench_function(
        "two breakers, quota and retry budget: one call with one of 1,000 own accounts",
        account_calls,
    );
    group.finish();
}

/// Each turn asks for one call more and records the one that began so many before it.
fn guarded_calls(bencher: &mut Bencher<'_>, under_way: usize) {
    let mut breaker = CircuitBreaker::new(BreakerSettings::default());
    let mut limiter = RateLimiter::new(Some(RateLimit {
        limit_for_period: NonZeroU32::MAX,
        limit_refresh_period: Duration::from_mins(1),
    }));
    limiter.share(NonZeroU32::MIN, NOW, Duration::ZERO);
    let (mut budget, mut now) = (RetryBudget::default(), NOW);
    let mut permits = VecDeque::with_capacity(under_way);
    bencher.iter(|| {
        now += Duration::from_millis(10);
        limiter.check(black_box(now)).unwrap();
        limiter.count(now);
        budget.first(now);
        let permit = breaker.try_acquire(now).unwrap();
        permits.push_back(breaker.confirm(permit, now).unwrap());
        if permits.len() == under_way {
            let permit = permits.pop_front().unwrap();
            breaker.record(permit, black_box(CallResult::Succeeded), now);
        }
    });
}

/// The same for a tenant whose account has a breaker and a retry budget of its own,
/// looked up for each question as the engine does, whose own are not to be had here.
fn account_calls(bencher: &mut Bencher<'_>) {
    let new = || (CircuitBreaker::new(BreakerSettings::default()), RetryBudget::default());
    let names = (0..ACCOUNTS).map(|number| TenantId::new(format!("shop-{number}")));
    let mut accounts: BTreeMap<_, _> = names.map(|name| (name, new())).collect();
    let (mut breaker, mut budget) = new();
    let mut limiter = RateLimiter::new(Some(RateLimit {
        limit_for_period: NonZeroU32::MAX,
        limit_refresh_period: Duration::from_mins(1),
    }));
    limiter.share(NonZeroU32::MIN, NOW, Duration::ZERO);
    let (tenant, mut now) = (TenantId::new("shop-500"), NOW);
    bencher.iter(|| {
        now += Duration::from_millis(10);
        let tenant = black_box(&tenant);
        limiter.check(black_box(now)).unwrap();
        limiter.count(now);
        budget.first(now);
        accounts.get_mut(tenant).unwrap().1.first(now);
        let own = accounts.get_mut(tenant).unwrap().0.try_acquire(now).unwrap();
        let permit = breaker.try_acquire(now).unwrap();
        let own = accounts.get_mut(tenant).unwrap().0.confirm(own, now).unwrap();
        let permit = breaker.confirm(permit, now).unwrap();
        let result = black_box(CallResult::Succeeded);
        accounts.get_mut(tenant).unwrap().0.record(own, result, now);
        breaker.record(permit, result, now);
    });
}

criterion_group!(core, benches);
criterion_main!(core);
