//! What may stand in an order, a line and a creative. The limits are our own
//! proposal, but for the length of names, which is `OpenDirect`'s.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;
use url::Url;

use crate::channels::contract::problem;
use crate::exchange::Outgoing;

/// Characters of a name.
const NAME_MOST: usize = 100;

/// KRW of an order.
const BUDGET_LEAST: u64 = 100_000;

pub(super) fn order(body: &Value, now: Timestamp) -> Result<(), Outgoing> {
    name(body)?;
    must(body["currency"] == "KRW", "currency must be KRW")?;
    must(
        body["budget"].as_u64().is_some_and(|budget| budget >= BUDGET_LEAST),
        "budget must be 100000 KRW or more",
    )?;
    let (_, last) = days(body)?;
    must(last >= today(now), "enddate is past")?;
    let told = |field: &str| {
        body["providerdata"][field]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    };
    must(
        told("campaignid") && told("campaignname"),
        "providerdata must have campaignid and campaignname",
    )
}

pub(super) fn line(body: &Value, order: &Value) -> Result<(), Outgoing> {
    name(body)?;
    must(
        body["productid"].as_str().is_some_and(|id| !id.is_empty()),
        "productid is missing",
    )?;
    must(body["ratetype"] == "CPMV", "ratetype must be CPMV")?;
    must(
        body["quantity"].as_u64().is_some_and(|views| views > 0),
        "quantity must be a number of views",
    )?;
    let ((first, last), (from, to)) = (days(body)?, days(order)?);
    must(from <= first && last <= to, "a line runs within the days of its order")?;
    let code = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let regions = body["targeting"]["regions"].as_array();
    must(
        regions.is_some_and(|regions| !regions.is_empty() && regions.iter().all(code)),
        "targeting.regions must be ten-digit codes",
    )?;
    let dayparts = &body["targeting"]["dayparts"];
    must(
        dayparts.is_null() || dayparts.is_array(),
        "targeting.dayparts must be a list",
    )
}

pub(super) fn creative(body: &Value) -> Result<(), Outgoing> {
    name(body)?;
    let url = body["url"].as_str().and_then(|text| Url::parse(text).ok());
    must(
        url.is_some_and(|url| matches!(url.scheme(), "http" | "https")),
        "url must be an http or https URL",
    )
}

/// When it is shown, and how often in all.
pub(super) fn impressions(line: &Value) -> String {
    let text = |field: &str| line[field].as_str().unwrap_or_default();
    let regions = line["targeting"]["regions"].as_array().into_iter().flatten();
    let regions: Vec<_> = regions.filter_map(Value::as_str).collect();
    format!(
        "{}/{} {} {} views",
        text("startdate"),
        text("enddate"),
        regions.join(","),
        line["quantity"]
    )
}

/// How a booked line stands on that day.
pub(super) fn airs(line: &Value, now: Timestamp) -> &'static str {
    let today = today(now);
    match days(line) {
        Ok((first, _)) if today < first => "Booked",
        Ok((_, last)) if today > last => "Finished",
        Ok(_) => "InFlight",
        Err(_) => "Booked",
    }
}

fn name(body: &Value) -> Result<(), Outgoing> {
    let length = body["name"].as_str().unwrap_or_default().chars().count();
    must((1..=NAME_MOST).contains(&length), "name must have 1 to 100 characters")
}

fn days(body: &Value) -> Result<(Date, Date), Outgoing> {
    let day = |field: &str| -> Option<Date> { body[field].as_str()?.parse().ok() };
    match (day("startdate"), day("enddate")) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(problem(
            422,
            "invalid",
            "startdate and enddate must be days in their order",
        )),
    }
}

/// In Korea.
fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::fixed(Offset::constant(9))).date()
}

fn must(is: bool, wrong: &str) -> Result<(), Outgoing> {
    if is {
        Ok(())
    } else {
        Err(problem(422, "invalid", wrong))
    }
}
