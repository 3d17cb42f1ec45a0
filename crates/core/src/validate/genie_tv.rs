//! What 지니TV accepts. KT publishes no API for it; the smallest budget is that
//! of a rival's IPTV advertising, the other limits are our proposal.

use jiff::Timestamp;
use jiff::civil::Date;

use super::code;
use super::rule::{Checks, korean_date};
use crate::channel::{Channel, Mode};
use crate::fault::Fault;
use crate::request::{DistributeRequest, Schedule};
use crate::text::Text;

/// Smallest budget in KRW; a rival's minimum (sporbiz, idxno=447384) \[V3\].
pub const BUDGET_MIN: u64 = 100_000;
/// Largest budget in KRW, against slips of the finger; our proposal \[D\].
pub const BUDGET_MAX: u64 = 100_000_000;
/// Longest schedule in days, both ends counted; our proposal \[D\].
pub const SCHEDULE_DAYS_MAX: i64 = 92;
/// How far ahead a schedule may start, in days; our proposal \[D\].
pub const START_AHEAD_DAYS_MAX: i64 = 366;
/// Times of day of one schedule; our proposal \[D\].
pub const DAYPARTS_MAX: usize = 24;

/// Everything that keeps 지니TV from serving `request`.
pub fn check(request: &DistributeRequest, mode: Mode, now: Timestamp) -> Vec<Fault> {
    let mut checks = Checks::of(Channel::GenieTV);
    let options = request.channel_options.genie_tv.as_ref();
    let region = options.and_then(|options| options.region.as_deref());
    let schedule = options.and_then(|options| options.schedule.as_ref());
    let budget = options.and_then(|options| options.budget);
    if mode == Mode::Live {
        check_presence(&mut checks, request);
    }
    if let Some(region) = region {
        checks.region(&checks.option("region"), region);
    }
    if let Some(schedule) = schedule {
        let earliest = request.scheduled_at.map_or(now, |at| at.max(now));
        check_schedule(&mut checks, schedule, korean_date(earliest));
    }
    if let Some(budget) = budget {
        checks.budget(budget, (BUDGET_MIN, BUDGET_MAX));
    }
    checks.into_faults()
}

/// What mock mode invents is needed where money is spent.
fn check_presence(checks: &mut Checks, request: &DistributeRequest) {
    let urls = &request.content_urls;
    let options = request.channel_options.genie_tv.as_ref();
    if urls.video_url.is_none() && urls.image_url.is_none() {
        checks.required(
            "/contentUrls/videoUrl",
            (
                "something to show: contentUrls.videoUrl or contentUrls.imageUrl",
                "광고 소재(contentUrls.videoUrl 또는 contentUrls.imageUrl)",
            ),
        );
    }
    if options.is_none_or(|options| options.region.is_none()) {
        checks.required(
            checks.option("region"),
            (
                "a region, a ten-digit code in channelOptions.GenieTV.region",
                "노출할 지역(channelOptions.GenieTV.region, 10자리 코드)",
            ),
        );
    }
    if options.is_none_or(|options| options.schedule.is_none()) {
        checks.required(
            checks.option("schedule"),
            (
                "its days, {startDate, endDate} in channelOptions.GenieTV.schedule",
                "노출 기간(channelOptions.GenieTV.schedule의 startDate, endDate)",
            ),
        );
    }
    if options.is_none_or(|options| options.budget.is_none()) {
        checks.required(
            checks.option("budget"),
            (
                "a budget in KRW in channelOptions.GenieTV.budget",
                "예산(channelOptions.GenieTV.budget, 원 단위)",
            ),
        );
    }
}

fn check_schedule(checks: &mut Checks, schedule: &Schedule, today: Date) {
    let (start, end) = (schedule.start_date, schedule.end_date);
    let ahead = days_between(today, start);
    if ahead < 0 {
        let detail = Text::new(
            format!(
                "The first day {start} is past when the distribution begins (on {today} in Korea); give that day or a later one."
            ),
            format!("시작일({start})이 배포일({today}, 한국 시각)보다 이릅니다. {today} 이후로 적어 주세요."),
        );
        checks.fault(checks.option("schedule/startDate"), code::IN_THE_PAST, detail);
    }
    if ahead > START_AHEAD_DAYS_MAX {
        let detail = Text::new(
            format!("The first day {start} is more than {START_AHEAD_DAYS_MAX} days ahead; give an earlier one."),
            format!("시작일({start})이 {START_AHEAD_DAYS_MAX}일보다 먼 미래입니다. 더 이른 날짜를 적어 주세요."),
        );
        checks.fault(checks.option("schedule/startDate"), code::TOO_FAR_AHEAD, detail);
    }
    check_length(checks, start, end);
    let pointer = checks.option("schedule/dayparts");
    let dayparts = &schedule.dayparts;
    checks.at_most(
        &pointer,
        code::TOO_MANY,
        (dayparts.len(), DAYPARTS_MAX),
        ("times of day", "시간대는", "개"),
    );
    checks.no_overlap(&pointer, dayparts);
}

fn check_length(checks: &mut Checks, start: Date, end: Date) {
    let pointer = checks.option("schedule/endDate");
    let days = days_between(start, end) + 1;
    if days < 1 {
        let detail = Text::new(
            format!("The last day {end} is before the first day {start}."),
            format!("종료일({end})이 시작일({start})보다 이릅니다. 종료일을 고쳐 주세요."),
        );
        checks.fault(pointer, code::END_BEFORE_START, detail);
    } else if days > SCHEDULE_DAYS_MAX {
        let detail = Text::new(
            format!("The schedule has {days} days, at most {SCHEDULE_DAYS_MAX} are allowed; end it earlier."),
            format!("노출 기간은 최대 {SCHEDULE_DAYS_MAX}일입니다(현재 {days}일). 종료일을 앞당겨 주세요."),
        );
        checks.fault(pointer, code::OUT_OF_RANGE, detail);
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}
