//! The ring-back tunes of the example shops.
//!
//! Written for this repository, so that nobody's rights are touched. Numbers
//! are MIDI notes: 60 is the C in the middle of a piano. The formatter is
//! kept off the tunes: it would give every note a line. Not here: how they are
//! made to sound; see `tone`.

use crate::tone::{Instrument, Partial, Tune, Voice};

const fn partial(ratio: f64, level: f64, decay: f64) -> Partial {
    Partial { ratio, level, decay }
}

/// Struck metal, as in a music box.
static CELESTA: Instrument = Instrument {
    partials: &[
        partial(1.0, 1.0, 0.9),
        partial(2.0, 0.22, 0.5),
        partial(3.0, 0.1, 0.25),
        partial(4.02, 0.14, 0.16),
    ],
    attack: 0.006,
    release: 0.5,
};

/// A plucked nylon string.
static GUITAR: Instrument = Instrument {
    partials: &[
        partial(1.0, 1.0, 0.7),
        partial(2.0, 0.5, 0.42),
        partial(3.0, 0.28, 0.26),
        partial(4.0, 0.14, 0.18),
        partial(5.0, 0.08, 0.12),
    ],
    attack: 0.008,
    release: 0.25,
};

/// A breathy pipe that swells; two near pitches make it tremble.
static FLUTE: Instrument = Instrument {
    partials: &[
        partial(1.0, 0.8, 4.0),
        partial(1.004, 0.3, 4.0),
        partial(2.0, 0.2, 3.0),
        partial(3.0, 0.06, 2.0),
    ],
    attack: 0.07,
    release: 0.16,
};

/// A low cushion of sound below the rest.
static PAD: Instrument = Instrument {
    partials: &[
        partial(1.0, 0.7, 6.0),
        partial(1.003, 0.4, 6.0),
        partial(2.0, 0.3, 5.0),
        partial(3.0, 0.1, 4.0),
    ],
    attack: 0.25,
    release: 0.4,
};

/// G major, four in a bar: a music box over slow chords.
#[rustfmt::skip]
pub(crate) static SPRING_COFFEE: Tune = Tune {
    seconds: 11.2,
    tempo: 96.0,
    voices: &[
        Voice {
            instrument: &CELESTA,
            level: 1.0,
            rest: 0.0,
            notes: &[
                (74, 0.5), (79, 0.5), (83, 1.0), (81, 0.5), (79, 0.5), (76, 1.0), (74, 0.5),
                (76, 0.5), (79, 1.0), (78, 0.5), (76, 0.5), (74, 1.0), (72, 0.5), (76, 0.5),
                (79, 1.0), (83, 0.5), (81, 0.5), (79, 1.0), (78, 0.5), (81, 0.5), (78, 0.5),
                (74, 0.5), (79, 2.5),
            ],
        },
        Voice {
            instrument: &GUITAR,
            level: 0.34,
            rest: 0.0,
            notes: &[
                (55, 1.0), (62, 1.0), (59, 1.0), (62, 1.0), (52, 1.0), (59, 1.0), (55, 1.0),
                (59, 1.0), (60, 1.0), (64, 1.0), (55, 1.0), (64, 1.0), (50, 1.0), (57, 1.0),
                (55, 1.0), (62, 1.5),
            ],
        },
        Voice {
            instrument: &PAD,
            level: 0.13,
            rest: 0.0,
            notes: &[
                (67, 4.0), (64, 4.0), (67, 4.0), (66, 2.0), (67, 3.0),
            ],
        },
    ],
};

/// C major, a waltz for one guitar and its bass.
#[rustfmt::skip]
pub(crate) static BAKERY: Tune = Tune {
    seconds: 11.4,
    tempo: 132.0,
    voices: &[
        Voice {
            instrument: &GUITAR,
            level: 0.85,
            rest: 0.0,
            notes: &[
                (76, 1.0), (79, 1.0), (76, 1.0), (72, 2.0), (74, 1.0), (77, 1.0), (81, 1.0),
                (77, 1.0), (74, 2.0), (76, 1.0), (79, 1.0), (76, 1.0), (72, 1.0), (74, 1.0),
                (71, 1.0), (74, 1.0), (72, 1.0), (67, 1.0), (76, 1.0), (72, 3.0),
            ],
        },
        Voice {
            instrument: &GUITAR,
            level: 0.42,
            rest: 0.0,
            notes: &[
                (48, 1.0), (60, 1.0), (64, 1.0), (55, 1.0), (60, 1.0), (64, 1.0), (50, 1.0),
                (62, 1.0), (65, 1.0), (55, 1.0), (62, 1.0), (65, 1.0), (52, 1.0), (60, 1.0),
                (67, 1.0), (55, 1.0), (62, 1.0), (65, 1.0), (48, 1.0), (60, 1.0), (64, 1.0),
                (48, 3.0),
            ],
        },
        Voice {
            instrument: &CELESTA,
            level: 0.2,
            rest: 3.0,
            notes: &[
                (84, 0.5), (88, 0.5), (91, 5.0), (86, 0.5), (89, 0.5), (86, 5.0), (83, 0.5),
                (86, 0.5), (89, 2.0), (0, 3.0), (84, 0.5), (88, 0.5), (91, 2.0),
            ],
        },
    ],
};

/// D major, unhurried: a flute above broken chords.
#[rustfmt::skip]
pub(crate) static FLOWER_SHOP: Tune = Tune {
    seconds: 11.9,
    tempo: 84.0,
    voices: &[
        Voice {
            instrument: &FLUTE,
            level: 0.6,
            rest: 0.0,
            notes: &[
                (78, 1.5), (76, 0.5), (74, 1.0), (81, 1.0), (79, 1.5), (78, 0.5), (76, 2.0),
                (74, 1.0), (76, 0.5), (78, 0.5), (83, 1.5), (81, 0.5), (76, 1.0), (73, 1.0),
                (74, 2.5),
            ],
        },
        Voice {
            instrument: &CELESTA,
            level: 0.3,
            rest: 0.0,
            notes: &[
                (62, 0.5), (66, 0.5), (69, 0.5), (74, 0.5), (69, 0.5), (66, 0.5), (69, 0.5),
                (66, 0.5), (59, 0.5), (64, 0.5), (67, 0.5), (71, 0.5), (61, 0.5), (64, 0.5),
                (69, 0.5), (64, 0.5), (59, 0.5), (62, 0.5), (66, 0.5), (71, 0.5), (55, 0.5),
                (62, 0.5), (67, 0.5), (71, 0.5), (57, 0.5), (61, 0.5), (64, 0.5), (69, 0.5),
                (62, 0.5), (66, 0.5), (69, 0.5), (74, 1.5),
            ],
        },
        Voice {
            instrument: &PAD,
            level: 0.16,
            rest: 0.0,
            notes: &[
                (50, 4.0), (52, 2.0), (57, 2.0), (47, 2.0), (55, 2.0), (57, 2.0), (50, 3.0),
            ],
        },
    ],
};
