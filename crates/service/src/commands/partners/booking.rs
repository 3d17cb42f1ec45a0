//! What 지니TV's contract adds: a line, something to show, and the booking with
//! its review. The booking itself is tried only with `--book`.

use bytes::Bytes;
use fanfare_channels::http::Answer;
use fanfare_core::korea::KOREA;
use jiff::civil::Date;
use jiff::{Span, Zoned};
use serde_json::{Value, json};

use super::contract::{field, identity};
use super::partner::{As, Ask, Partner};
use super::{Check, Report, fresh};
use crate::clock::{Clock, SystemClock};

const BOOKED: [&str; 3] = ["Booked", "InFlight", "Finished"];
const LINE: &str = "a line is made as a draft";
const SHOWN: &str = "a creative is made and assigned";
const BOOK: &str = "a booking is taken: PendingBooking or Booked";
const AGAIN: &str = "the same booking again changes nothing";
const REVIEW: &str = "a review ends: Booked, or Declined with a reason";
const CANCEL: &str = "a booking is cancelled, and again: Canceled";
const NO_BOOK: &str = "--book tries it; it may cost money";

/// Next week, for a day, for the least.
pub(super) fn order() -> Value {
    let day = next_week();
    json!({
        "currency": "KRW", "budget": 100_000, "startdate": day, "enddate": day,
        "providerdata": {"campaignid": "fanfare-check", "campaignname": "fanfare partners check"},
    })
}

fn next_week() -> Date {
    let now = Zoned::new(SystemClock::default().now(), KOREA.to_time_zone());
    now.date().saturating_add(Span::new().days(7))
}

pub(super) async fn check(partner: &Partner, args: &Check, order: Option<&str>, report: &mut Report) {
    let booking = Booking {
        partner,
        account: &args.account,
    };
    let Some(order) = order else {
        return report.skip("line", LINE, "there is no order");
    };
    let line = booking.line(order, &args.product).await;
    report.add("line", LINE, line.clone().map(drop));
    let Ok(line) = line else { return };
    let shown = booking.shown(&line).await;
    let sound = shown.is_ok();
    report.add("creative", SHOWN, shown);
    if !args.book || !sound {
        for (name, promise) in [
            ("booking", BOOK),
            ("booking-again", AGAIN),
            ("review", REVIEW),
            ("cancel", CANCEL),
        ] {
            report.skip(name, promise, if sound { NO_BOOK } else { "there is nothing to show" });
        }
        return;
    }
    let path = ["orders".to_owned(), order.to_owned(), "lines".to_owned(), line];
    report.add("booking", BOOK, booking.book(&path).await);
    report.add("booking-again", AGAIN, booking.book(&path).await);
    let review = tokio::time::timeout(args.review_patience(), booking.review(&path)).await;
    let waited = |_| Err(format!("no end within {} s; --wait waits longer", args.wait));
    report.add("review", REVIEW, review.unwrap_or_else(waited));
    report.add("cancel", CANCEL, booking.cancel(&path).await);
}

struct Booking<'b> {
    partner: &'b Partner,
    account: &'b str,
}

impl Booking<'_> {
    async fn ask(
        &self,
        method: &str,
        rest: &[String],
        query: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, String> {
        let key = fresh()?;
        let path = [&["accounts".to_owned(), self.account.to_owned()], rest].concat();
        let ask = Ask {
            method,
            path: &path,
            query: query.map(str::to_owned),
            by: As::Us,
            key: body.as_ref().map(|_| key.as_str()),
            body: body.map(|body| Bytes::from(body.to_string())),
        };
        self.partner.ask(ask).await
    }

    async fn line(&self, order: &str, product: &str) -> Result<String, String> {
        let (day, name) = (next_week(), fresh()?);
        let body = json!({
            "name": name, "productid": product, "startdate": day, "enddate": day, "ratetype": "CPMV", "quantity": 1_000,
            "targeting": {"regions": ["1114000000"], "dayparts": []},
        });
        let path = ["orders".to_owned(), order.to_owned(), "lines".to_owned()];
        let made = self.ask("POST", &path, None, Some(body)).await?;
        let line = identity(&made, "id")?;
        let path = [&path[..], std::slice::from_ref(&line)].concat();
        match self.state(&path).await?.0.as_str() {
            "Draft" => Ok(line),
            state => Err(format!("its bookingstatus is {state}")),
        }
    }

    async fn shown(&self, line: &str) -> Result<(), String> {
        let name = fresh()?;
        let body = json!({"name": name, "language": "ko", "url": "https://example.com/check.mp4"});
        let made = self.ask("POST", &["creatives".to_owned()], None, Some(body)).await?;
        let body = json!({"lineid": line, "creativeid": identity(&made, "id")?});
        let made = self.ask("POST", &["assignments".to_owned()], None, Some(body)).await?;
        identity(&made, "id").map(drop)
    }

    async fn book(&self, path: &[String]) -> Result<(), String> {
        let answer = self.ask("PUT", path, Some("book"), Some(json!({}))).await?;
        let state = identity(&answer, "bookingstatus")?;
        let taken = state == "PendingBooking" || BOOKED.contains(&&*state);
        if taken {
            Ok(())
        } else {
            Err(format!("its bookingstatus is {state}"))
        }
    }

    /// A line that was declined is not shown, too.
    async fn cancel(&self, path: &[String]) -> Result<(), String> {
        for _ in 0..2 {
            let answer = self.ask("PUT", path, Some("cancel"), Some(json!({}))).await?;
            let state = identity(&answer, "bookingstatus")?;
            if state != "Canceled" && state != "Declined" {
                return Err(format!("its bookingstatus is {state}"));
            }
        }
        Ok(())
    }

    async fn review(&self, path: &[String]) -> Result<(), String> {
        loop {
            let (state, line) = self.state(path).await?;
            match state.as_str() {
                "PendingBooking" => tokio::time::sleep(std::time::Duration::from_millis(250)).await,
                "Declined" => return field(&line["ext"], "declineReason").map(drop),
                state if BOOKED.contains(&state) => return Ok(()),
                state => return Err(format!("its bookingstatus is {state}")),
            }
        }
    }

    async fn state(&self, path: &[String]) -> Result<(String, Value), String> {
        let answer = self.ask("GET", path, None, None).await?;
        let state = identity(&answer, "bookingstatus")?;
        Ok((state, answer.json().unwrap_or_default()))
    }
}
