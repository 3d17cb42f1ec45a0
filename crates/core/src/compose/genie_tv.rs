//! What 지니TV is sent, and the impression schedule that follows from it.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::Serialize;

use super::Invented;
use crate::region::Region;
use crate::request::{DistributeRequest, Schedule};
use crate::validate::genie_tv::BUDGET_MIN;
use crate::validate::korean_date;

/// What 1,000 complete views cost, in KRW. KT publishes no price: a figure of
/// ours, to be replaced by the contract's \[D\].
pub const COST_PER_1000_VIEWS: u64 = 10_000;

/// Where a mock shows an event that names no region: 서울특별시.
const MOCK_REGION: &str = "1100000000";
/// How long a mock shows it, in days, from the day after it begins.
const MOCK_DAYS: i64 = 7;

/// What 지니TV is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenieTvContent {
    /// A film, or else a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creative_url: Option<String>,
    /// A ten-digit code in the numbering that is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The region's Korean name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_name: Option<String>,
    /// Days and times of day in Korea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// KRW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// As [`impression_schedule`] writes it; absent where a part of it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impression_schedule: Option<String>,
}

pub(super) fn compose(request: &DistributeRequest, invented: &mut Invented, now: Timestamp) -> GenieTvContent {
    let urls = &request.content_urls;
    let options = request.channel_options.genie_tv.clone().unwrap_or_default();
    let region = invented.or(options.region, "/region", || MOCK_REGION.to_owned());
    let schedule = invented.or(options.schedule, "/schedule", || mock_schedule(request, now));
    let budget = invented.or(options.budget, "/budget", || BUDGET_MIN);
    let known = region.as_deref().and_then(|text| Region::parse(text).ok());
    let impression_schedule = match (&known, &schedule, budget) {
        (Some(region), Some(schedule), Some(budget)) => Some(impression_schedule(region, schedule, budget)),
        _ => None,
    };
    GenieTvContent {
        creative_url: urls.video_url.clone().or_else(|| urls.image_url.clone()),
        region: known.as_ref().map(|region| region.code.clone()).or(region),
        region_name: known.map(|region| region.name),
        schedule,
        budget,
        impression_schedule,
    }
}

/// When, where and how often it is shown, in one line that people can read and
/// programs can split at blanks:
///
/// ```text
/// schedule  = days " " times " KST " region " " per-day "/day"
/// days      = date "/" date              ; YYYY-MM-DD, both included
/// times     = daypart *("," daypart)     ; HH:MM-HH:MM, all day is 00:00-24:00
/// region    = 10DIGIT
/// per-day   = 1*DIGIT                    ; complete views, rounded down
/// ```
///
/// such as `2026-12-01/2026-12-14 18:00-22:00 KST 1168000000 2142/day`.
pub fn impression_schedule(region: &Region, schedule: &Schedule, budget: u64) -> String {
    let (start, end) = (schedule.start_date, schedule.end_date);
    let times = if schedule.dayparts.is_empty() {
        "00:00-24:00".to_owned()
    } else {
        let times: Vec<String> = schedule.dayparts.iter().map(ToString::to_string).collect();
        times.join(",")
    };
    let per_day = views_per_day(budget, days_of(start, end));
    format!("{start}/{end} {times} KST {} {per_day}/day", region.code)
}

/// Complete views that a budget in KRW buys, rounded down.
pub fn views(budget: u64) -> u64 {
    let views = u128::from(budget) * 1_000 / u128::from(COST_PER_1000_VIEWS);
    u64::try_from(views).unwrap_or(u64::MAX)
}

/// The same, evenly over `days`.
fn views_per_day(budget: u64, days: u64) -> u64 {
    views(budget) / days.max(1)
}

/// Days from the first to the last, both counted; 0 where they are reversed.
fn days_of(start: Date, end: Date) -> u64 {
    u64::try_from(start.duration_until(end).as_hours() / 24 + 1).unwrap_or(0)
}

/// A week from the day after the distribution begins, all day.
fn mock_schedule(request: &DistributeRequest, now: Timestamp) -> Schedule {
    let begins = korean_date(request.scheduled_at.map_or(now, |at| at.max(now)));
    Schedule {
        start_date: begins.saturating_add(Span::new().days(1)),
        end_date: begins.saturating_add(Span::new().days(MOCK_DAYS)),
        dayparts: Vec::new(),
    }
}
