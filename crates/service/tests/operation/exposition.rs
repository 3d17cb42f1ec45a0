//! Reads what `/metrics` shows.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::Serving;
use crate::support::ask_elsewhere;

/// All that was exposed at one time.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// Kinds by name.
    pub(crate) kinds: BTreeMap<String, String>,
    /// Names with words of help.
    pub(crate) helped: BTreeSet<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Of the metric, without what a histogram's lines end in.
    pub(crate) metric: String,
    /// As it stands in the line.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Exposition {
    pub(crate) async fn of(serving: &Serving) -> Self {
        let url = format!("http://{}/metrics", serving.address());
        let answer = ask_elsewhere("GET", &url, b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Self::read(std::str::from_utf8(&answer.body).unwrap())
    }

    fn read(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                read.kinds.insert(name.to_owned(), kind.to_owned());
            } else if let Some(help) = line.strip_prefix("# HELP ") {
                read.helped.insert(help.split_once(' ').unwrap().0.to_owned());
            } else {
                let sample = read.sample(line);
                read.samples.push(sample);
            }
        }
        read
    }

    fn sample(&self, line: &str) -> Sample {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let of_histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| {
            let base = name.strip_suffix(end)?;
            (self.kinds.get(base)? == "histogram").then_some(base)
        });
        Sample {
            metric: of_histogram.unwrap_or(name).to_owned(),
            name: name.to_owned(),
            labels: labels_of(labels.strip_suffix('}').unwrap()),
            value: value.parse().unwrap(),
        }
    }

    /// The sum of the series of that name with these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).is_some_and(|is| is == value))
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }
}

fn labels_of(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        // None of our values has a quotation mark.
        let (value, rest) = rest.split_once('"').unwrap();
        labels.insert(name.trim_start_matches(',').to_owned(), value.to_owned());
        text = rest;
    }
    labels
}
