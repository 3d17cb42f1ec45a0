//! How an input is read, so that people can write one: `0` (which channel), `0` (what is
//! asked after the steps), `c` (at most twelve steps), and then the answers, each with a byte
//! 0x1e before it. An answer begins with its status (`a` is 200) and with what headers it
//! has (`0` is none); the rest is its body.

/// Before each answer; nowhere in JSON or XML.
const SEPARATOR: u8 = 0x1e;

/// More are never asked for.
const ANSWERS_MAX: usize = 40;

const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 302, 304, 400, 401, 403, 404, 408, 409, 410, 413, 418, 422, 425, 429, 500, 502, 503, 599, 206,
    416,
];

/// What a client is asked, and what it hears.
pub(crate) struct Input {
    pub(crate) subject: usize,
    pub(crate) ask: Ask,
    /// The last answer is given again and again; else the server is out of order.
    pub(crate) repeats: bool,
    pub(crate) steps: usize,
    pub(crate) answers: Vec<Answer>,
}

/// What is asked after the steps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    All,
    LookUp,
    Observe,
    Withdraw,
    Check,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// Beside the content's type and length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headers {
    None,
    RetryAfter(&'static str),
    /// Meta's, all of it used.
    Used,
    /// The content is a problem (RFC 9457).
    Problem,
    /// The server's clock, which is wrong.
    Date,
    /// The connection is closed in the midst of the body.
    Broken,
    /// Each header that clients read is the body's first line.
    FirstLine,
    /// The body is the part of a file that was asked for, of whatever length the file is.
    Part,
    /// The same, and the file ends there.
    LastPart,
}

impl Input {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let [subject, ask, steps, answers @ ..] = bytes else {
            return None;
        };
        let ask = ask.wrapping_sub(b'0');
        let parts = answers.split(|byte| *byte == SEPARATOR).skip(1);
        Some(Self {
            subject: subject.wrapping_sub(b'0').into(),
            ask: match ask % 5 {
                0 => Ask::All,
                1 => Ask::LookUp,
                2 => Ask::Observe,
                3 => Ask::Withdraw,
                _ => Ask::Check,
            },
            repeats: ask / 5 % 2 == 1,
            steps: usize::from(steps.wrapping_sub(b'0')) % 13,
            answers: parts.take(ANSWERS_MAX).filter_map(Answer::of).collect(),
        })
    }
}

impl Answer {
    fn of(part: &[u8]) -> Option<Self> {
        let [status, headers, body @ ..] = part else {
            return None;
        };
        Some(Self {
            status: STATUSES[usize::from(status.wrapping_sub(b'a')) % STATUSES.len()],
            headers: match headers.wrapping_sub(b'0') % 10 {
                1 => Headers::RetryAfter("7"),
                2 => Headers::RetryAfter("Tue, 24 Nov 2026 01:00:30 GMT"),
                3 => Headers::Used,
                4 => Headers::Problem,
                5 => Headers::Date,
                6 => Headers::Broken,
                7 => Headers::FirstLine,
                8 => Headers::Part,
                9 => Headers::LastPart,
                _ => Headers::None,
            },
            body: body.to_vec(),
        })
    }

    /// A fault of the server's that says nothing: no client can read anything of it.
    pub(crate) fn is_mute_fault(&self) -> bool {
        let is_readable = |byte: &u8| matches!(byte, b'{' | b'<');
        self.status >= 500 && self.headers == Headers::None && !self.body.iter().any(is_readable)
    }
}
