//! Korean administrative regions, as television advertising targets them.
//!
//! The table is data, `region/regions.tsv`, because it changes by law and not
//! by our releases. It reaches down to districts (시군구); the five digits below
//! them, which name a 동, are taken as they come: whether a 동 exists is the
//! channel's to say.

use std::sync::LazyLock;

use crate::decode::found::quoted;
use crate::text::Text;

/// A province, a city or a district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Ten digits, in the numbering that is in force.
    pub code: String,
    /// In Korean, such as `서울특별시 강남구`; without the 동.
    pub name: String,
}

/// Why a text names no region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionError {
    /// Not ten digits.
    Shape,
    /// Its first two digits are no province's.
    Province,
    /// Its first five digits are no district's; the province is known.
    District {
        /// The province's Korean name.
        province: &'static str,
    },
    /// The district was dissolved into others.
    Dissolved {
        /// The Korean name that it had.
        name: String,
        /// Ten digits and Korean name of each that took its place.
        successors: Vec<Region>,
    },
}

impl Region {
    /// Reads a code of ten digits. Codes that were replaced by another for the
    /// same area (42, 45, and the districts of 29 and 46) are read as that one.
    pub fn parse(text: &str) -> Result<Self, RegionError> {
        if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RegionError::Shape);
        }
        let (district, rest) = text.split_at(5);
        let (province, number) = district.split_at(2);
        let province_row = find(province).ok_or(RegionError::Province)?;
        let row = match (number, rest) {
            ("000", "00000") => Some(province_row),
            ("000", _) => None,
            _ => find(district),
        };
        let row = row.ok_or(RegionError::District {
            province: province_row.name,
        })?;
        match row.fate {
            Fate::InForce | Fate::PartOf(_) => Ok(Self::of(row, rest)),
            Fate::Renamed(code) => Ok(Self::of(find(code).unwrap_or(row), rest)),
            Fate::Dissolved(codes) => Err(RegionError::Dissolved {
                name: full_name(row),
                successors: codes
                    .split(',')
                    .filter_map(find)
                    .map(|now| Self::of(now, "00000"))
                    .collect(),
            }),
        }
    }

    fn of(row: &Row, rest: &str) -> Self {
        Self {
            code: format!("{:0<5}{rest}", row.code),
            name: full_name(row),
        }
    }
}

impl RegionError {
    /// What is wrong with `text`, and how to mend it.
    pub fn text(&self, text: &str) -> Text {
        match self {
            Self::Shape => shape_text(text),
            Self::Province => Text::new(
                format!(
                    "No province or city has the number {:?} (in {text:?}); 서울 is \"1100000000\".",
                    &text[..2]
                ),
                format!(
                    "앞 두 자리 {:?}에 해당하는 시·도가 없습니다(받은 값: {text:?}). 예: 서울은 \"1100000000\"입니다.",
                    &text[..2]
                ),
            ),
            Self::District { province } => Text::new(
                format!(
                    "{province} has no district {:?} (in {text:?}); the whole of it is \"{}00000000\".",
                    &text[..5],
                    &text[..2]
                ),
                format!(
                    "{province}에는 {:?}에 해당하는 시·군·구가 없습니다(받은 값: {text:?}). 시·도 전체는 \"{}00000000\"입니다.",
                    &text[..5],
                    &text[..2]
                ),
            ),
            Self::Dissolved { name, successors } => {
                let now: Vec<_> = successors
                    .iter()
                    .map(|region| format!("{} ({})", region.code, region.name))
                    .collect();
                let now = now.join(", ");
                Text::new(
                    format!("{name} ({text}) was dissolved; name what took its place: {now}."),
                    format!("{name}({text})는 행정구역 개편으로 폐지되었습니다. 다음 코드로 바꿔 주세요: {now}"),
                )
            }
        }
    }
}

fn shape_text(text: &str) -> Text {
    let found = quoted(text);
    Text::new(
        format!(
            "A region is an administrative code of ten digits such as \"1168000000\" \
             (서울특별시 강남구); found {found}."
        ),
        format!(
            "지역은 \"1168000000\"(서울특별시 강남구)처럼 숫자 10자리 행정구역 코드로 적어 주세요. \
             받은 값: {found}"
        ),
    )
}

/// What became of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    InForce,
    Renamed(&'static str),
    PartOf(&'static str),
    Dissolved(&'static str),
}

#[derive(Debug, Clone, Copy)]
struct Row {
    code: &'static str,
    name: &'static str,
    fate: Fate,
}

/// Sorted by code.
static TABLE: LazyLock<Vec<Row>> =
    LazyLock::new(|| include_str!("region/regions.tsv").lines().filter_map(row_of).collect());

fn row_of(line: &'static str) -> Option<Row> {
    if line.starts_with('#') {
        return None;
    }
    let mut columns = line.split('\t');
    let (code, name) = (columns.next()?, columns.next()?);
    let fate = columns.next().map_or(Fate::InForce, fate_of);
    Some(Row { code, name, fate })
}

fn fate_of(column: &'static str) -> Fate {
    if let Some(codes) = column.strip_prefix('!') {
        Fate::Dissolved(codes)
    } else if let Some(code) = column.strip_prefix('<') {
        Fate::PartOf(code)
    } else {
        Fate::Renamed(column)
    }
}

fn find(code: &str) -> Option<&'static Row> {
    let place = TABLE.binary_search_by(|row| row.code.cmp(code)).ok()?;
    TABLE.get(place)
}

fn full_name(row: &Row) -> String {
    if let Fate::PartOf(whole) = row.fate {
        let whole = find(whole).map_or("", |row| row.name);
        return format!("{whole}(옛 {})", row.name);
    }
    match find(&row.code[..2]) {
        Some(province) if province.code != row.code && province.name != row.name => {
            format!("{} {}", province.name, row.name)
        }
        _ => row.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of every row: its own code, and the codes of two 동 in it where it is a district.
    fn codes_of(row: &Row) -> Vec<String> {
        let rests: &[&str] = if row.code.len() == 2 {
            &["00000000"]
        } else {
            &["00000", "10100", "99999"]
        };
        rests.iter().map(|rest| format!("{}{rest}", row.code)).collect()
    }

    #[test]
    fn every_row_s_code_leads_to_one_that_is_in_force() {
        for (row, code) in TABLE
            .iter()
            .flat_map(|row| codes_of(row).into_iter().map(move |code| (row, code)))
        {
            let found = match Region::parse(&code) {
                Ok(region) => vec![region],
                Err(RegionError::Dissolved { successors, .. }) => successors,
                Err(error) => panic!("{code}: {error:?}"),
            };
            assert!(!found.is_empty(), "{row:?}");
            if !matches!(row.fate, Fate::Dissolved(_)) {
                assert_eq!(found[0].code[5..], code[5..], "{row:?}");
            }
            for region in found {
                let now = find(region.code[..5].strip_suffix("000").unwrap_or(&region.code[..5])).unwrap();
                assert!(
                    matches!(now.fate, Fate::InForce | Fate::PartOf(_)),
                    "{code} leads to {now:?}"
                );
                assert_eq!(Region::parse(&region.code), Ok(region), "parsing it again changes it");
            }
        }
    }

    proptest! {
        /// Ten digits near the table's, and any text.
        #[test]
        fn what_is_read_has_ten_digits_and_stays_as_it_is(
            text in prop_oneof![
                (0..TABLE.len(), "[0-9]{8}")
                    .prop_map(|(row, rest)| format!("{}{rest}", TABLE[row].code)[..10].to_owned()),
                "[0-9]{9,11}", "\\PC{0,12}",
            ],
        ) {
            match Region::parse(&text) {
                Ok(region) => {
                    prop_assert!(region.code.len() == 10 && region.code.bytes().all(|byte| byte.is_ascii_digit()));
                    prop_assert!(!region.name.is_empty());
                    prop_assert_eq!(&region.code[5..], &text[5..]);
                    prop_assert_eq!(Region::parse(&region.code), Ok(region));
                }
                Err(error) => {
                    let said = error.text(&text);
                    prop_assert!(!said.en.is_empty() && !said.ko.is_empty());
                }
            }
        }
    }

    fn name(code: &str) -> String {
        Region::parse(code).unwrap().name
    }

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        for row in TABLE.iter() {
            assert!([2, 5].contains(&row.code.len()), "{row:?}");
            assert!(find(&row.code[..2]).is_some(), "{row:?} has no province");
            let (Fate::Renamed(codes) | Fate::PartOf(codes) | Fate::Dissolved(codes)) = row.fate else {
                continue;
            };
            for code in codes.split(',') {
                assert_eq!(find(code).unwrap().fate, Fate::InForce, "{row:?}");
            }
        }
    }

    #[test]
    fn provinces_and_districts_are_read_with_their_names() {
        for (code, expected) in [
            ("1100000000", "서울특별시"),
            ("1168000000", "서울특별시 강남구"),
            ("1168010100", "서울특별시 강남구"),
            ("3611000000", "세종특별자치시"),
            ("3600000000", "세종특별자치시"),
            ("4111300000", "경기도 수원시 권선구"),
            ("1200000000", "전남광주통합특별시"),
            ("1211000000", "전남광주통합특별시 목포시"),
            ("2812500000", "인천광역시 제물포구"),
            ("5013000000", "제주특별자치도 서귀포시"),
        ] {
            assert_eq!(name(code), expected, "{code}");
            assert_eq!(Region::parse(code).unwrap().code, code);
        }
    }

    #[test]
    fn codes_that_were_replaced_are_read_as_the_new_ones() {
        for (old, new) in [
            ("2911000000", "1221000000"),
            ("4611000000", "1211000000"),
            ("4211000000", "5111000000"),
            ("4200000000", "5100000000"),
            ("4511310100", "5211310100"),
            ("4500000000", "5200000000"),
        ] {
            assert_eq!(Region::parse(old), Region::parse(new), "{old}");
            assert_eq!(Region::parse(old).unwrap().code, new);
        }
    }

    #[test]
    fn the_old_gwangju_stays_as_large_as_it_was() {
        let gwangju = Region::parse("2900000000").unwrap();
        assert_eq!(gwangju.code, "2900000000");
        assert_eq!(gwangju.name, "전남광주통합특별시(옛 광주광역시)");
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for text in [
            "",
            "11",
            "11680",
            "116800000",
            "11680000000",
            "116800000a",
            "１１６８００００００",
            "강남구",
        ] {
            assert_eq!(Region::parse(text), Err(RegionError::Shape), "{text}");
        }
        assert_eq!(Region::parse("9900000000"), Err(RegionError::Province));
        let seoul = RegionError::District {
            province: "서울특별시"
        };
        for text in ["1199900000", "1100010100"] {
            assert_eq!(Region::parse(text), Err(seoul.clone()), "{text}");
        }
    }

    #[test]
    fn a_dissolved_district_names_its_successors() {
        let error = Region::parse("2826000000").unwrap_err();
        let text = error.text("2826000000");
        for part in ["2827500000", "인천광역시 서해구", "2829000000", "인천광역시 검단구"] {
            assert!(text.en.contains(part) && text.ko.contains(part), "{text:?}");
        }
    }
}
