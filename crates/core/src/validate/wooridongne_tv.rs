//! What 우리동네TV accepts. KT publishes no API for it: the limits are our
//! proposal, as the contract of its gateway is.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::code;
use super::rule::Checks;
use crate::channel::{Channel, Mode};
use crate::compose::wooridongne_tv::code_in_force;
use crate::fault::Fault;
use crate::request::DistributeRequest;

/// Regions of one distribution; our proposal \[D\].
pub const REGIONS_MAX: usize = 20;
/// Times of day of one distribution; our proposal \[D\].
pub const TIME_SLOTS_MAX: usize = 24;
/// Smallest budget in KRW; our proposal \[D\].
pub const BUDGET_MIN: u64 = 10_000;
/// Largest budget in KRW, against slips of the finger; our proposal \[D\].
pub const BUDGET_MAX: u64 = 100_000_000;

/// Everything that keeps 우리동네TV from serving `request`.
pub fn check(request: &DistributeRequest, mode: Mode, _now: Timestamp) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::WooridongneTV);
    let urls = &request.content_urls;
    if urls.image_url.is_none() && urls.audio_url.is_none() && urls.video_url.is_none() {
        checks.required(
            "/contentUrls",
            (
                "at least one URL in contentUrls",
                "contentUrls에 주소를 하나 이상 적어 주세요.",
            ),
        );
    }
    let options = request.channel_options.wooridongne_tv.clone();
    let options = options.unwrap_or_default();
    check_regions(&mut checks, &options.regions, mode);
    let pointer = checks.option("timeSlots");
    let slots = options.time_slots;
    checks.at_most(
        &pointer,
        code::TOO_MANY,
        (slots.len(), TIME_SLOTS_MAX),
        ("time slots", "시간대는", "개"),
    );
    checks.no_overlap(&pointer, &slots);
    match options.budget {
        Some(budget) => checks.budget(budget, (BUDGET_MIN, BUDGET_MAX)),
        None if mode == Mode::Live => checks.required(
            checks.option("budget"),
            (
                "a budget in KRW in channelOptions.WooridongneTV.budget",
                "예산(channelOptions.WooridongneTV.budget, 원 단위)",
            ),
        ),
        None => {}
    }
    checks.into_faults()
}

fn check_regions(checks: &mut Checks, regions: &[String], mode: Mode) {
    let pointer = checks.option("regions");
    if regions.is_empty() && mode == Mode::Live {
        checks.required(
            pointer.as_str(),
            (
                "the regions to show it in, ten-digit codes in channelOptions.WooridongneTV.regions",
                "노출할 지역(channelOptions.WooridongneTV.regions, 10자리 코드)",
            ),
        );
    }
    checks.at_most(
        &pointer,
        code::TOO_MANY,
        (regions.len(), REGIONS_MAX),
        ("regions", "지역은", "개"),
    );
    let mut seen = BTreeSet::new();
    for (place, region) in regions.iter().enumerate() {
        let pointer = format!("{pointer}/{place}");
        checks.region(&pointer, region);
        // One that was renamed is the same under both of its codes.
        if !seen.insert(code_in_force(region)) {
            checks.repeated(&pointer, region);
        }
    }
}
